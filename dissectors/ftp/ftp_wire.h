#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "model/address.h"

namespace tsujiban::ftp {

inline constexpr std::uint16_t port_ftp = 21;
inline constexpr std::uint32_t line_bytes_max = 4096;  // With its end; what is longer is read up to here.
inline constexpr std::uint32_t verb_bytes_max = 16;    // Longer: no command.

// Commands by name (RFC 959, 5.3; RFC 1123, 4.1.3; RFC 1639, 2228, 2389, 2428, 2640, 3659, 4217, 7151 and the
// registry of RFC 5797). The number is the counter's message type.
#define TSUJIBAN_FTP_COMMANDS(row)                                                                                   \
  row(user) row(pass) row(acct) row(cwd) row(cdup) row(smnt) row(quit) row(rein) row(port) row(pasv) row(type)       \
      row(stru) row(mode) row(retr) row(stor) row(stou) row(appe) row(allo) row(rest) row(rnfr) row(rnto) row(abor)  \
          row(dele) row(rmd) row(mkd) row(pwd) row(list) row(nlst) row(site) row(syst) row(stat) row(help) row(noop) \
              row(xcwd) row(xcup) row(xmkd) row(xrmd) row(xpwd) row(auth) row(adat) row(prot) row(pbsz) row(ccc)     \
                  row(mic) row(conf) row(enc) row(feat) row(opts) row(lang) row(eprt) row(epsv) row(lprt) row(lpsv)  \
                      row(mdtm) row(mlst) row(mlsd) row(size) row(host) row(clnt) row(mfmt)
enum class Verb : std::uint8_t {
  other,
#define TSUJIBAN_ROW(name) name,
  TSUJIBAN_FTP_COMMANDS(TSUJIBAN_ROW)
#undef TSUJIBAN_ROW
      count_
};
// In lower case; empty for `other`.
std::string_view name_of(Verb verb) noexcept;

// A command line without its end: verb SP argument. The views live as long as the bytes.
struct Command {
  Verb verb = Verb::other;
  std::string_view name, argument;
  bool valid = false;
};
Command read_command(std::string_view line) noexcept;

// A reply's line (RFC 959, 4.2): ddd SP text, or ddd - text where more lines follow.
struct Reply {
  std::uint16_t code = 0;  // 0: the line has none.
  bool more = false;
  std::string_view text;
};
Reply read_reply(std::string_view line) noexcept;

// Where data goes: the argument of PORT and EPRT (RFC 959, 5.3.2; RFC 2428, 2), the text of 227 and 229 (RFC 1123,
// 4.1.2.6; RFC 2428, 3). EPSV has no address.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  bool valid = false, has_address = false;
};
Endpoint read_six_numbers(std::string_view text) noexcept;  // h1,h2,h3,h4,p1,p2
Endpoint read_eprt(std::string_view argument) noexcept;
Endpoint read_epsv(std::string_view text) noexcept;

}  // namespace tsujiban::ftp
