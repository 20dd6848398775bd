#include "output/detector_messages.h"

#include <array>

namespace tsujiban::output {
namespace {

constexpr std::string_view policy_en = "ERAB policy violation", policy_ja = "ERABポリシー違反";
constexpr std::string_view sensor_en = "Sensor health", sensor_ja = "センサーの状態";
constexpr std::string_view control_en = "Control command", control_ja = "制御コマンド";
constexpr std::string_view echonet_en = "ECHONET Lite anomaly", echonet_ja = "ECHONET Liteの異常";
constexpr std::string_view recon_en = "Reconnaissance", recon_ja = "偵察行為";
constexpr std::string_view mitm_en = "Man in the middle", mitm_ja = "中間者攻撃";
constexpr std::string_view lateral_en = "Lateral movement", lateral_ja = "内部での拡散";
constexpr std::string_view access_en = "Unauthorised access", access_ja = "不正アクセス";
constexpr std::string_view web_en = "Web page", web_ja = "Webページ";
constexpr std::string_view availability_en = "Availability", availability_ja = "可用性";
constexpr std::string_view vuln_en = "Vulnerability", vuln_ja = "脆弱性";

constexpr std::string_view malware_en = "Malware communication", malware_ja = "マルウェア通信";
constexpr std::string_view dos_en = "Denial of service", dos_ja = "サービス妨害";
constexpr std::string_view phishing_en = "Phishing", phishing_ja = "フィッシング";

constexpr std::array<DetectorMessage, 50> rows = {{
    {DetectorId::policy_peer_not_allowed, "Communication with a peer that is not on the allow list",
     "許可リストに登録されていない相手との通信を検知しました", policy_en, policy_ja},
    {DetectorId::signature, "Signature match", "シグネチャに一致する通信を検知しました", "Signature match",
     "シグネチャ検知"},
    {DetectorId::sensor_capture_stalled, "The sensor hears nothing, or only one direction, where there was traffic",
     "監視ポートの通信が途絶しているか、片方向しか受信できていません。ミラー設定と配線を確認してください", sensor_en,
     sensor_ja},
    {DetectorId::sensor_packet_loss, "Packets are being lost: the analysis is incomplete",
     "パケットの取りこぼしが発生しています。検知漏れの可能性があります", sensor_en, sensor_ja},
    {DetectorId::sensor_state_limit, "A memory limit was reached and state was evicted: the analysis is incomplete",
     "状態管理のメモリ上限に達したため、一部の情報を破棄しました。検知漏れの可能性があります", sensor_en, sensor_ja},
    {DetectorId::sensor_clock_step, "Packet time jumped or ran backwards",
     "パケットの時刻に飛びまたは逆行がありました。時刻同期（NTP/PTP）の状態を確認してください", sensor_en, sensor_ja},
    {DetectorId::sensor_duplicate_packets, "The mirror port delivers packets twice",
     "ミラーポートから同じパケットが重複して届いています。ミラー設定を確認してください", sensor_en, sensor_ja},
    {DetectorId::policy_port_not_allowed, "An asset answers on a port that is not declared for it",
     "資産が、申告されていないポートで応答しています", policy_en, policy_ja},
    {DetectorId::policy_protocol_not_allowed, "A protocol is used on an interface that does not permit it",
     "このインターフェースで許可されていないプロトコルを検知しました", policy_en, policy_ja},
    {DetectorId::policy_plaintext, "Readable data on an interface that needs encryption",
     "暗号化が必要なインターフェースに、暗号化されていない通信があります", policy_en, policy_ja},
    {DetectorId::policy_no_mutual_auth,
     "A session without a client certificate where both sides have to prove themselves",
     "相互認証が必要な通信で、クライアント証明書が提示されていません", policy_en, policy_ja},
    {DetectorId::policy_weak_tls, "An outdated TLS version or a weak cipher suite",
     "古いTLSバージョンまたは脆弱な暗号スイートが使われています", policy_en, policy_ja},
    {DetectorId::policy_certificate, "A server certificate that cannot be trusted",
     "サーバー証明書に問題があります（期限切れ・自己署名・名称不一致・弱い鍵など）", policy_en, policy_ja},
    {DetectorId::policy_route_crossing, "Traffic crosses between the A-route and the B-route or a home network",
     "Aルートと、Bルートまたは宅内網との間に通信があります", policy_en, policy_ja},
    {DetectorId::policy_r1_not_isolated, "A host of the grid operator's interface (R1) talks to a host outside of it",
     "R1（簡易指令システム接続）の機器が、R1以外と通信しています", policy_en, policy_ja},
    {DetectorId::policy_external_exposure, "A device, gateway or meter is reached on a control protocol from outside",
     "機器・ゲートウェイ・メーターの制御ポートに、外部から到達しています", policy_en, policy_ja},
    {DetectorId::policy_unknown_asset, "A host that is not in the inventory appeared", "資産台帳にない機器が現れました",
     policy_en, policy_ja},
    {DetectorId::policy_role_violation, "A host does what its role may not do",
     "役割上許されない操作を行っている機器があります", policy_en, policy_ja},
    {DetectorId::control_unauthorized_write, "A control command from a source without the right to send it",
     "権限のない送信元からの制御コマンドを検知しました", control_en, control_ja},
    {DetectorId::control_load_altering, "Commands move the load of many devices in one direction",
     "多数の機器の負荷を同じ方向へ動かす制御を検知しました", control_en, control_ja},
    {DetectorId::control_oscillation, "The load of many devices is switched back and forth",
     "多数の機器の負荷が繰り返し反転しています", control_en, control_ja},
    {DetectorId::control_flapping, "One device is switched back and forth", "一台の機器が頻繁に切り替えられています",
     control_en, control_ja},
    {DetectorId::control_value_out_of_range, "A value outside its definition or the device's rating was written",
     "定義または定格を外れた値の書き込みを検知しました", control_en, control_ja},
    {DetectorId::control_without_event, "A controller writes while no demand-response event covers it",
     "DRイベントのない時間帯に制御が行われています", control_en, control_ja},
    {DetectorId::control_rejected_writes, "Many writes of one source are refused",
     "一つの送信元からの書き込みが多数拒否されています", control_en, control_ja},
    {DetectorId::echonet_malformed, "A series of broken ECHONET Lite frames",
     "不正な形式のECHONET Lite電文が続いています", echonet_en, echonet_ja},
    {DetectorId::echonet_enumeration, "ECHONET Lite hosts, objects or properties are being walked through",
     "ECHONET Liteの機器やプロパティの探索を検知しました", echonet_en, echonet_ja},
    {DetectorId::echonet_spoofed_response, "An ECHONET Lite answer or notification that its sender cannot rightly send",
     "なりすましが疑われるECHONET Liteの応答または通知を検知しました", echonet_en, echonet_ja},
    {DetectorId::echonet_reflection, "ECHONET Lite answers go to a host that did not ask",
     "要求していない機器へECHONET Liteの応答が送られています（リフレクション）", echonet_en, echonet_ja},
    {DetectorId::echonet_fault_status, "Many devices report a fault", "多数の機器が異常を通知しています", echonet_en,
     echonet_ja},
    {DetectorId::c2_indicator, "Communication with what an indicator list names",
     "脅威情報リスト（IoC）に載っている宛先・ドメイン・指紋との通信を検知しました", malware_en, malware_ja},
    {DetectorId::c2_beacon, "Connections to an outside host at a regular period",
     "外部の特定の相手への周期的な接続（ビーコン）を検知しました。マルウェアの可能性があります", malware_en,
     malware_ja},
    {DetectorId::c2_dns_tunnel, "Data seems to leave in the names of DNS queries",
     "DNSの問い合わせ名にデータを埋め込んだ通信（DNSトンネル）の疑いがあります", malware_en, malware_ja},
    {DetectorId::c2_dga, "A host asks for many names drawn at random that do not exist",
     "存在しないランダムな名前の問い合わせが多発しています（マルウェアのDGAの疑い）", malware_en, malware_ja},
    {DetectorId::dos_flood, "A flood of packets or connections toward one host",
     "一台の機器へ大量のパケットまたは接続が集中しています（DoS攻撃の疑い）", dos_en, dos_ja},
    {DetectorId::phishing_lookalike_domain, "A name that looks like an allowed domain was asked for",
     "許可されたドメインに似せた名前の問い合わせがあります（フィッシングの疑い）", phishing_en, phishing_ja},
    {DetectorId::recon_scan, "Hosts or ports are being scanned", "ホストまたはポートの走査（スキャン）を検知しました",
     recon_en, recon_ja},
    {DetectorId::auth_brute_force, "Many logins fail: passwords are being guessed",
     "ログイン失敗が多発しています（パスワード総当たり攻撃の疑い）", access_en, access_ja},
    {DetectorId::lateral_smb_spread, "One host opens SMB, RDP or WinRM to many others",
     "一台の機器が、多数の機器へSMB・RDP・WinRM接続を行っています（マルウェア拡散の疑い）", lateral_en, lateral_ja},
    {DetectorId::mitm_arp_spoof, "Conflicting claims of one address (ARP)",
     "ARPなりすましの疑い：同じアドレスを別の機器が名乗っています", mitm_en, mitm_ja},
    {DetectorId::mitm_ndp_spoof, "Conflicting claims of one address (neighbour discovery)",
     "NDPなりすましの疑い：同じアドレスを別の機器が名乗っています", mitm_en, mitm_ja},
    {DetectorId::mitm_rogue_dhcp, "An unknown DHCP server answers", "未知のDHCPサーバーが応答しています", mitm_en,
     mitm_ja},
    {DetectorId::mitm_rogue_ra, "A host that is no router advertises itself as one",
     "ルーターでない機器がルーター広告を送信しています", mitm_en, mitm_ja},
    {DetectorId::mitm_certificate_change, "A known server shows a certificate of another issuer or key before its time",
     "既知のサーバーの証明書の発行者または鍵が、更新時期ではないのに変わりました", mitm_en, mitm_ja},
    {DetectorId::web_content_change, "A watched page has changed outside of the maintenance windows",
     "監視対象のWebページが、保守時間帯以外に変更されました。改ざんの可能性があります", web_en, web_ja},
    {DetectorId::availability_silent_asset, "An asset that talks regularly has fallen silent",
     "定期的に通信していた機器が沈黙しています", availability_en, availability_ja},
    {DetectorId::vuln_label_missing, "No JC-STAR label is recorded for a device",
     "JC-STARラベルの記録がない機器があります", vuln_en, vuln_ja},
    {DetectorId::sensor_output_stalled, "An output cannot deliver: events are being lost",
     "出力先に書き込めません。イベントが失われています", sensor_en, sensor_ja},
    {DetectorId::sensor_blind, "A detector rests for a peer, because what it needs cannot be seen",
     "必要な通信が見えないため、一部の検知が休止しています", sensor_en, sensor_ja},
    {DetectorId::sensor_configuration_changed, "Configuration, rules or inventory were replaced",
     "設定・ルール・資産台帳が変更されました", sensor_en, sensor_ja},
}};

}  // namespace

DetectorMessage message_of(DetectorId id) noexcept {
  for (const DetectorMessage& row : rows) {
    if (row.id == id) return row;
  }
  return {id, info_of(id).name, info_of(id).name, "Detection", "検知"};
}

bool detector_message_exists(DetectorId id) noexcept {
  for (const DetectorMessage& row : rows) {
    if (row.id == id) return true;
  }
  return false;
}

}  // namespace tsujiban::output
