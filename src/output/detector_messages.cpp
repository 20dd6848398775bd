#include "output/detector_messages.h"

#include <array>

namespace tsujiban::output {
namespace {

constexpr std::string_view policy_en = "ERAB policy violation", policy_ja = "ERABポリシー違反";
constexpr std::string_view sensor_en = "Sensor health", sensor_ja = "センサーの状態";

constexpr std::array<DetectorMessage, 7> rows = {{
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
