#include "app/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tsujiban::app {
namespace {

const passwd* unprivileged_entry() {
  if (geteuid() != 0) return nullptr;
  for (const char* name : {"tsujiban", "nobody"}) {
    if (const passwd* entry = getpwnam(name); entry != nullptr && entry->pw_uid != 0) return entry;
  }
  return nullptr;
}

}  // namespace

std::string unprivileged_user() {
  const passwd* entry = unprivileged_entry();
  return entry == nullptr ? std::string() : entry->pw_name;
}

void give_to_unprivileged(const std::string& path) {
  if (const passwd* entry = unprivileged_entry();
      entry != nullptr && chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    return;
}

bool drop_privileges(std::string& user, std::string& error) {
  if (const passwd* entry = unprivileged_entry(); entry != nullptr) {
    user = entry->pw_name;
    const uid_t uid = entry->pw_uid;
    const gid_t gid = entry->pw_gid;
    if (setgroups(0, nullptr) != 0 || setgid(gid) != 0 || setuid(uid) != 0) {
      error = "cannot become user " + user + ": " + std::strerror(errno);
      return false;
    }
  } else if (geteuid() == 0) {
    error = "started as root, and there is no user `tsujiban` or `nobody` to become";
    return false;
  } else {
    const passwd* self = getpwuid(geteuid());
    user = self != nullptr ? self->pw_name : std::to_string(geteuid());
  }
  capng_clear(CAPNG_SELECT_BOTH);
  // The bounding set can only be emptied with a capability that is gone by now; without any, and with no_new_privs,
  // none can come back through it.
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
    error = "cannot give up capabilities";
    return false;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    error = std::string("cannot forbid new privileges: ") + std::strerror(errno);
    return false;
  }
  return true;
}

}  // namespace tsujiban::app
