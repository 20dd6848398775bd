#pragma once
#include <string>

namespace tsujiban::app {

// Gives up every capability for good and, started as root, becomes the user `tsujiban`, or `nobody` where there is
// none. Called once the interfaces and outputs are open and before any packet is parsed or thread started. `user` is
// set to who we are then. False with `error`, one line.
bool drop_privileges(std::string& user, std::string& error);

// The user that drop_privileges will become; empty: it stays who it is.
std::string unprivileged_user();
// Hands a file to that user, so that it can be written on after a rotation. Best effort.
void give_to_unprivileged(const std::string& path);

}  // namespace tsujiban::app
