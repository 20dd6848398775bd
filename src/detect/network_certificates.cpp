#include <algorithm>
#include <array>

#include "detect/alert_limit.h"
#include "detect/network_detectors.h"
#include "detect/renumbered.h"
#include "detect/site_keys.h"

namespace tsujiban::detect {
namespace {

constexpr DetectorId detectors[] = {DetectorId::mitm_certificate_change};
constexpr std::uint16_t tls_1_3 = 0x0304;
constexpr std::int64_t day_s = 86'400;
// RFC 8555 has no number; ACME clients renew in the last third of a certificate's life (30 days of 90), and yearly
// certificates are renewed within their last month.
constexpr std::int64_t renewal_s_min = 30 * day_s;
constexpr std::int64_t renewal_life_share = 3;
constexpr std::uint32_t servers_max = 1u << 13;
constexpr std::size_t identities_max = 4;  // Of one server: RSA and ECDSA, and as many again while they are replaced.
constexpr std::size_t clients_told_max = 8;
// Who asks often need not wait for the site's learning time: so many certificates over so long show what a load
// balancer has.
constexpr std::uint32_t learning_shown_min = 8;
constexpr Duration learning_min = Duration::seconds(3600);

// A server. One with a public address and a name is its name, at whatever address and for whoever asks: a content
// network has many, and whoever redirects a client to another address is to be found. A private one is its address,
// port and name on its link, because a thousand homes have a `192.168.1.1` with a certificate of its own.
struct ServerKey {
  SegmentKey segment;
  IpAddress address;
  std::uint64_t name_hash = 0;
  std::uint16_t port = 0;
  std::uint64_t hash(HashSeed seed) const noexcept {
    return hash_words(seed, HostKey{segment, address}.hash(seed), name_hash ^ std::uint64_t{port} << 48);
  }
  bool operator==(const ServerKey&) const noexcept = default;
};

struct Identity {
  std::uint64_t issuer, key;
  bool operator==(const Identity&) const noexcept = default;
};
struct Known {
  Identity identity;
  std::int64_t not_before_s, not_after_s;  // Of the latest certificate that was seen with it.
  PacketTime last;
};
struct Client {
  SegmentKey segment;
  IpAddress address;
  bool operator==(const Client&) const noexcept = default;
};
struct Server {
  PacketTime first;
  std::uint32_t shown;  // Certificates, while it is learned.
  std::uint8_t known_count, clients_count;
  bool settled;  // Not learned any more.
  bool varies;   // It had more identities than can be kept while it was learned: nothing can be said of it.
  std::array<Known, identities_max> known;
  // What it changed to, outside of the renewal window.
  Identity other;
  PacketTime other_first, other_last;
  std::uint32_t other_asset;
  IpAddress other_address;
  std::array<Client, clients_told_max> clients;
};

// mitm.certificate-change: a known server's certificate has another issuer or key, and it is not the time to renew it.
class CertificateDetector final : public SiteDetector {
 public:
  explicit CertificateDetector(const Site& site)
      : learning_(site.config->tunable_time(DetectorId::policy_unknown_asset, "learning")),
        masks_(site.config->privacy.mask),
        servers_(servers_max, site.seed),
        limit_(site.seed) {}

  void fact(const Fact& fact, const Ends& ends, Findings& findings) noexcept override {
    const SecureSession& session = fact.secure_session;
    if (!session.answered) return;
    if (!session.server_certificate_seen) {
      if (session.established && !session.resumed && session.version >= tls_1_3)
        findings.rests(DetectorId::mitm_certificate_change, fact, ends, nullptr);
      return;
    }
    const Identity shown{session.issuer_hash, session.key_hash};
    if (shown.issuer == 0 || shown.key == 0) return;
    const auto [index, added] = servers_.use(key_of(fact));
    Server& server = servers_.value(index);
    if (added) server.first = fact.time;
    if (Known* const known = find(server, shown); known != nullptr) {
      known->last = fact.time;
      if (session.not_after_s > known->not_after_s) {
        known->not_before_s = session.not_before_s;
        known->not_after_s = session.not_after_s;
      }
      count_shown(server, fact.time);
      return;
    }
    if (server.varies) {
      findings.rests(DetectorId::mitm_certificate_change, fact, ends, nullptr);
    } else if (server.settled || is_learned(server, fact.time)) {
      judge(server, shown, fact, ends, findings);
    } else if (server.known_count < identities_max) {
      learn(server, shown, session, fact.time);
    } else {
      server.varies = true;
    }
    count_shown(server, fact.time);
  }

  std::uint32_t prefetched() const noexcept override { return facts_of({FactKind::secure_session}); }
  void prefetch(const Fact& fact, unsigned step) const noexcept override { servers_.prefetch(key_of(fact), step); }
  std::uint64_t evictions() const noexcept override { return servers_.evictions() + limit_.evictions(); }
  // A reload is not the end of what goes on.
  void take_over(SiteDetector& before, const Renumbered& numbers) override {
    auto& from = static_cast<CertificateDetector&>(before);
    limit_.take_over(from.limit_);
    servers_.take_over(from.servers_);
    for (std::uint32_t i = servers_.first(); i != 0; i = servers_.next(i)) {
      std::uint32_t& other = servers_.value(i).other_asset;
      other = numbers.asset(other);
    }
  }

  std::uint32_t state_version() const noexcept override { return 1; }
  void save(StateWriter& writer) const override {
    writer.put(servers_.size());
    for (std::uint32_t i = servers_.first(); i != 0; i = servers_.next(i)) {
      const ServerKey& key = servers_.key(i);
      const Server& server = servers_.value(i);
      put_host(writer, {key.segment, key.address});
      writer.put(key.name_hash);
      writer.put(key.port);
      writer.put(server.first.ns);
      writer.put(server.shown);
      writer.put(static_cast<std::uint8_t>((server.settled ? 1 : 0) | (server.varies ? 2 : 0)));
      put_identity(writer, server.other);
      writer.put(server.other_first.ns);
      writer.put(server.other_last.ns);
      writer.put(server.known_count);
      for (std::size_t k = 0; k < server.known_count; ++k) {
        const Known& known = server.known[k];
        put_identity(writer, known.identity);
        writer.put(known.not_before_s);
        writer.put(known.not_after_s);
        writer.put(known.last.ns);
      }
    }
  }
  bool load(StateReader& reader, std::uint32_t version) override {
    constexpr std::size_t entry_bytes_min = 24 + 8 + 2 + 8 + 4 + 1 + 16 + 8 + 8 + 1;
    if (version != state_version()) return false;
    const auto count = reader.get<std::uint32_t>();
    if (reader.failed() || count > servers_max || count > reader.left() / entry_bytes_min) return false;
    servers_.clear();
    for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
      const HostKey host = get_host(reader);
      ServerKey key{host.segment, host.address, 0, 0};
      key.name_hash = reader.get<std::uint64_t>();
      key.port = reader.get<std::uint16_t>();
      Server server{};
      server.first = get_time(reader);
      server.shown = reader.get<std::uint32_t>();
      const auto flags = reader.get<std::uint8_t>();
      server.settled = (flags & 1) != 0;
      server.varies = (flags & 2) != 0;
      server.other = get_identity(reader);
      server.other_first = get_time(reader);
      server.other_last = get_time(reader);
      server.known_count = reader.get<std::uint8_t>();
      if (server.known_count == 0 || server.known_count > identities_max) reader.fail();
      for (std::size_t k = 0; k < server.known_count && !reader.failed(); ++k) {
        Known& known = server.known[k];
        known.identity = get_identity(reader);
        known.not_before_s = get_seconds(reader);
        known.not_after_s = get_seconds(reader);
        known.last = get_time(reader);
      }
      if (!reader.failed()) servers_.value(servers_.use(key).index) = server;
    }
    if (!reader.failed() && reader.left() == 0) return true;
    servers_.clear();
    return false;
  }

 private:
  static ServerKey key_of(const Fact& fact) noexcept {
    const DomainName& name = fact.secure_session.server_name;
    const std::uint64_t name_hash = name.size_bytes != 0 ? name.hash : 0;
    const bool ours = fact.destination.is_private() || fact.destination.is_link_local();
    if (ours) return {fact.segment, fact.destination, name_hash, fact.destination_port};
    return {{}, name_hash != 0 ? IpAddress{} : fact.destination, name_hash, fact.destination_port};
  }
  static void put_identity(StateWriter& writer, const Identity& identity) {
    writer.put(identity.issuer);
    writer.put(identity.key);
  }
  static Identity get_identity(StateReader& reader) noexcept {
    Identity identity{};
    identity.issuer = reader.get<std::uint64_t>();
    identity.key = reader.get<std::uint64_t>();
    return identity;
  }
  static PacketTime get_time(StateReader& reader) noexcept {
    return {std::clamp<std::int64_t>(reader.get<std::int64_t>(), 0, INT64_MAX / 2)};
  }

  static std::int64_t get_seconds(StateReader& reader) noexcept {
    constexpr std::int64_t far = std::int64_t{1} << 40;  // Beyond the year 9999.
    return std::clamp(reader.get<std::int64_t>(), -far, far);
  }

  static Known* find(Server& server, const Identity& identity) noexcept {
    for (std::size_t i = 0; i < server.known_count; ++i) {
      if (server.known[i].identity == identity) return &server.known[i];
    }
    return nullptr;
  }
  bool is_learned(const Server& server, PacketTime now) const noexcept {
    const Duration age = now - server.first;
    return age >= learning_ || (server.shown >= learning_shown_min && age >= learning_min);
  }
  void count_shown(Server& server, PacketTime now) const noexcept {
    if (server.settled) return;
    if (is_learned(server, now)) server.settled = true;
    server.shown = std::min(server.shown + 1, learning_shown_min);
  }
  // One that is full gives up what was shown longest ago: what is replaced is not shown again.
  static void learn(Server& server, const Identity& identity, const SecureSession& session, PacketTime now) noexcept {
    Known* place;
    if (server.known_count < identities_max) {
      place = &server.known[server.known_count++];
    } else {
      place = std::min_element(server.known.begin(), server.known.end(),
                               [](const Known& a, const Known& b) { return a.last < b.last; });
    }
    *place = {identity, session.not_before_s, session.not_after_s, now};
    if (server.other == identity) forget_other(server);
  }
  static void forget_other(Server& server) noexcept {
    server.other = {};
    server.clients_count = 0;
  }

  // When the certificate of `known` may be replaced, Unix time.
  static std::int64_t renewal_from(const Known& known) noexcept {
    const std::int64_t life_s = std::max<std::int64_t>(known.not_after_s - known.not_before_s, 0);
    return known.not_after_s - std::max(renewal_s_min, life_s / renewal_life_share);
  }
  // It takes the place of one that is near its end. Authorities change the name that they sign with (and so the issuer)
  // from one renewal to the next, so an issuer that is new is no wonder then; a certificate that signs itself where the
  // old one did not is, and so is one that ends no later than what it replaces.
  static bool is_renewal(const Server& server, const SecureSession& session, std::int64_t now_s) noexcept {
    for (std::size_t i = 0; i < server.known_count; ++i) {
      const Known& known = server.known[i];
      if (now_s < renewal_from(known) || session.not_after_s <= known.not_after_s) continue;
      if (session.issuer_hash == known.identity.issuer) return true;
      if (!session.self_signed && session.name_matches != SecureSession::NameMatch::differs) return true;
    }
    return false;
  }

  void judge(Server& server, const Identity& shown, const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& session = fact.secure_session;
    const std::int64_t now_s = fact.time.ns / 1'000'000'000;
    if (is_renewal(server, session, now_s)) return learn(server, shown, session, fact.time);
    if (!(server.other == shown)) {
      forget_other(server);
      server.other = shown;
      server.other_first = fact.time;
    }
    server.other_last = fact.time;
    // A change that has been told, and beside which the old certificate was not seen for the whole learning time, was
    // one that nobody had planned: it is the server's from now on.
    const bool alone = std::all_of(server.known.begin(), server.known.begin() + server.known_count,
                                   [&](const Known& known) { return known.last < server.other_first; });
    if (alone && fact.time - server.other_first >= learning_) return learn(server, shown, session, fact.time);
    raise(server, fact, ends, findings);
  }

  void raise(Server& server, const Fact& fact, const Ends& ends, Findings& findings) noexcept {
    const SecureSession& session = fact.secure_session;
    Alert alert = alert_of(DetectorId::mitm_certificate_change, fact, ends);
    // One that every client sees is not told once a client: those beyond the first few count on the first one's alert.
    const Client client{fact.segment, fact.source};
    const auto end = server.clients.begin() + server.clients_count;
    if (std::find(server.clients.begin(), end, client) == end) {
      if (server.clients_count < clients_told_max) {
        if (server.clients_count == 0) {
          server.other_address = fact.destination;
          server.other_asset = ends.destination_asset;
        }
        server.clients[server.clients_count++] = client;
      } else {
        alert.segment = server.clients[0].segment;
        alert.source = server.clients[0].address;
        alert.source_asset = 0;
        alert.destination = server.other_address;
        alert.destination_asset = server.other_asset;
      }
    }
    alert.merge_key = (session.issuer_hash ^ std::rotl(session.key_hash, 32)) | 1;
    // Against the one that was shown last.
    const Known& known = *std::max_element(server.known.begin(), server.known.begin() + server.known_count,
                                           [](const Known& a, const Known& b) { return a.last < b.last; });
    const auto is_known = [&](auto&& same) {
      return std::any_of(server.known.begin(), server.known.begin() + server.known_count, same);
    };
    const bool issuer_known = is_known([&](const Known& k) { return k.identity.issuer == session.issuer_hash; });
    const bool key_known = is_known([&](const Known& k) { return k.identity.key == session.key_hash; });
    const char* const what = issuer_known && key_known ? "an issuer and a key that it had in other certificates"
                             : issuer_known            ? "another key of the same issuer"
                             : key_known               ? "another issuer for the same key"
                                                       : "another issuer and another key";
    // A device in the home is named after it, as in records (privacy.mask).
    const bool private_server = fact.destination.is_private() || fact.destination.is_link_local();
    const std::string_view name = masks_ && private_server ? std::string_view{} : session.server_name.view();
    if (name.empty()) {
      say_why(alert, 0, "the server's certificate has %s than the %u it is known by", what,
              static_cast<unsigned>(server.known_count));
    } else {
      say_why(alert, 0, "the certificate of %.*s has %s; it is known by %u",
              static_cast<int>(std::min<std::size_t>(name.size(), 64)), name.data(), what,
              static_cast<unsigned>(server.known_count));
    }
    const std::int64_t now_s = fact.time.ns / 1'000'000'000;
    const std::int64_t wait_s = renewal_from(known) - now_s;
    if (wait_s > 0) {
      say_why(alert, 1,
              "the known one is valid for %lld days more, and its renewal is expected in %lld days at the earliest",
              static_cast<long long>((known.not_after_s - now_s) / day_s),
              static_cast<long long>((wait_s + day_s - 1) / day_s));
    } else {
      say_why(alert, 1, "the known one may be renewed, but not by this: %s",
              session.not_after_s <= known.not_after_s ? "it ends no later" : "who signed it is not who did");
    }
    unsigned line = 2;
    if (session.self_signed) say_why(alert, line++, "the new one is signed by itself");
    if (session.name_matches == SecureSession::NameMatch::differs)
      say_why(alert, line++, "the new one does not name the server that was asked for");
    limit_.raise(alert, findings);
  }

  Duration learning_;
  bool masks_;
  BoundedMap<ServerKey, Server> servers_;
  AlertLimit limit_;
};

}  // namespace

const SiteDetectorRow network_certificates_row = {
    "network_certificates", detectors, facts_of({FactKind::secure_session}), false,
    [](const Site& site) -> std::unique_ptr<SiteDetector> { return std::make_unique<CertificateDetector>(site); }};

}  // namespace tsujiban::detect
