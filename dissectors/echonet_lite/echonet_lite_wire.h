#pragma once
#include <string_view>

#include "base/bytes.h"
#include "base/parse_error.h"

namespace tsujiban::echonet_lite {

// Frame, ECHONET Lite Specification Part 2 v1.14, 3.2:
//   0      1      2     4      7      10    11    12
//   | EHD1 | EHD2 | TID | SEOJ | DEOJ | ESV | OPC | EPC PDC EDT(PDC) ...      big-endian
// SetGet services carry a second list, OPCGet and its properties, behind the first.
inline constexpr std::uint8_t ehd1_echonet_lite = 0x10;
inline constexpr std::uint8_t ehd2_format1 = 0x81;  // Defined message format.
inline constexpr std::uint8_t ehd2_format2 = 0x82;  // Arbitrary message format: nothing behind the TID is defined.
inline constexpr std::uint32_t tid_offset = 2, seoj_offset = 4, deoj_offset = 7, esv_offset = 10, opc_offset = 11;
inline constexpr std::uint32_t header_length = 12;  // With the (first) OPC.
inline constexpr std::uint32_t format2_header_length = 4;
inline constexpr std::uint16_t port = 3610;

inline constexpr unsigned opc_max = 255, pdc_max = 255;
// Header, OPCGet and two full lists.
inline constexpr std::uint32_t frame_bytes_max = header_length + 1 + 2 * opc_max * (2 + pdc_max);

// Services, 3.2.5. The low nibble pairs requests and answers, but for INFC.
namespace esv {
inline constexpr std::uint8_t seti_sna = 0x50, setc_sna = 0x51, get_sna = 0x52, inf_sna = 0x53, setget_sna = 0x5E;
inline constexpr std::uint8_t seti = 0x60, setc = 0x61, get = 0x62, inf_req = 0x63, setget = 0x6E;
inline constexpr std::uint8_t set_res = 0x71, get_res = 0x72, inf = 0x73, infc = 0x74, infc_res = 0x7A,
                              setget_res = 0x7E;
}  // namespace esv

// The symbol of a service, or empty where the standard reserves the code.
constexpr std::string_view service_name(std::uint8_t service) noexcept {
  switch (service) {
    case esv::seti_sna:
      return "SetI_SNA";
    case esv::setc_sna:
      return "SetC_SNA";
    case esv::get_sna:
      return "Get_SNA";
    case esv::inf_sna:
      return "INF_SNA";
    case esv::setget_sna:
      return "SetGet_SNA";
    case esv::seti:
      return "SetI";
    case esv::setc:
      return "SetC";
    case esv::get:
      return "Get";
    case esv::inf_req:
      return "INF_REQ";
    case esv::setget:
      return "SetGet";
    case esv::set_res:
      return "Set_Res";
    case esv::get_res:
      return "Get_Res";
    case esv::inf:
      return "INF";
    case esv::infc:
      return "INFC";
    case esv::infc_res:
      return "INFC_Res";
    case esv::setget_res:
      return "SetGet_Res";
    default:
      return {};
  }
}
// One bit a code from 0x50 to 0x7F: the test of every frame.
inline constexpr std::uint64_t known_services = [] {
  std::uint64_t bits = 0;
  for (unsigned code = 0x50; code < 0x80; ++code) {
    if (!service_name(static_cast<std::uint8_t>(code)).empty()) bits |= std::uint64_t{1} << (code - 0x50);
  }
  return bits;
}();
constexpr bool is_known_service(std::uint8_t service) noexcept {
  const unsigned at = static_cast<unsigned>(service) - 0x50u;
  return at < 0x30 && (known_services >> at & 1) != 0;
}
constexpr bool is_setget(std::uint8_t service) noexcept {
  return service == esv::setget || service == esv::setget_res || service == esv::setget_sna;
}
constexpr bool is_request(std::uint8_t service) noexcept { return service >> 4 == 6 || service == esv::infc; }
// The request that `service` answers (INF answers INF_REQ, or nothing when it is spontaneous), or 0 when it is no
// answer.
constexpr std::uint8_t request_of(std::uint8_t service) noexcept {
  if (service == esv::infc_res) return esv::infc;
  if (service >> 4 == 6 || service == esv::infc) return 0;
  return static_cast<std::uint8_t>(0x60 | (service & 0x0F));
}

// Object ids, 2.5: group, class, instance. Reserved groups are 0x07..0x0D and from 0x10, reserved instances from 0x80.
constexpr bool is_reserved_object(std::uint32_t eoj) noexcept {
  const unsigned group = eoj >> 16;
  return (eoj & 0x80) != 0 || group > 0x0F || (group >= 0x07 && group <= 0x0D);
}
// Whose properties a message lists: a request's target, or who answers or announces.
constexpr std::uint32_t owner_of(std::uint8_t service, std::uint32_t seoj, std::uint32_t deoj) noexcept {
  return service >> 4 == 6 || service == esv::infc_res ? deoj : seoj;
}
constexpr std::uint16_t class_of(std::uint32_t eoj) noexcept { return static_cast<std::uint16_t>(eoj >> 8); }
constexpr bool is_all_instances(std::uint32_t eoj) noexcept { return (eoj & 0xFF) == 0; }

// One property of a frame: a view that lives as long as the frame's bytes.
struct PropertyView {
  std::uint32_t offset;  // Of its EPC in the frame.
  std::uint8_t epc;
  std::uint8_t pdc;  // As declared.
  bool complete;     // False: the frame ends before `pdc`, or before EDT does; `edt` is what is there.
  bool has_pdc;
  Bytes edt;
};

// Walks the properties of one list; never reads beyond `frame`.
class PropertyCursor {
 public:
  PropertyCursor(Bytes frame, std::uint32_t offset, unsigned count) noexcept
      : frame_(frame), offset_(offset), left_(count) {}
  // False at the end of the list or of the frame.
  bool next(PropertyView& view) noexcept {
    if (left_ == 0 || offset_ >= frame_.size()) return false;
    --left_;
    view.offset = offset_;
    view.epc = frame_[offset_];
    view.has_pdc = offset_ + 1 < frame_.size();
    view.pdc = view.has_pdc ? frame_[offset_ + 1] : std::uint8_t{0};
    const std::size_t begin = view.has_pdc ? offset_ + 2 : offset_ + 1, there = frame_.size() - begin;
    view.complete = view.has_pdc && view.pdc <= there;
    view.edt = frame_.subspan(begin, view.complete ? view.pdc : there);
    offset_ = static_cast<std::uint32_t>(begin + view.edt.size());
    return true;
  }
  // The same for who wants whole properties only: false also where the frame ends within one.
  bool next_whole(PropertyView& view) noexcept {
    if (left_ == 0 || offset_ + 2 > frame_.size()) return false;
    const std::uint8_t* const at = frame_.data() + offset_;
    const std::uint32_t end = offset_ + 2 + at[1];
    if (end > frame_.size()) return false;
    --left_;
    view = {offset_, at[0], at[1], true, true, Bytes(at + 2, at[1])};
    offset_ = end;
    return true;
  }

 private:
  Bytes frame_;
  std::uint32_t offset_;
  unsigned left_;
};

}  // namespace tsujiban::echonet_lite
