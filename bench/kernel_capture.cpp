// What it costs to walk a capture: mapped, over many windows, and out of memory. The capture is generated.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "capture/capture_file.h"
#include "capture/file_reader.h"

namespace {

using namespace tsujiban;
using namespace tsujiban::capture;

constexpr std::size_t packets = 200'000;
constexpr std::size_t batch_packets = 256;

// pcap, little-endian, microseconds; frames of 60 to 314 bytes, 187 on average, as the ERAB mix has them.
const std::vector<std::uint8_t>& capture_bytes() {
  static const std::vector<std::uint8_t> bytes = [] {
    std::vector<std::uint8_t> out;
    const auto u32 = [&](std::uint32_t value) {
      const auto* raw = reinterpret_cast<const std::uint8_t*>(&value);
      out.insert(out.end(), raw, raw + sizeof value);
    };
    for (const std::uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 262'144u, 1u}) u32(word);
    for (std::uint32_t i = 0; i < packets; ++i) {
      const std::uint32_t length = 60 + i * 2'654'435'761u % 255;
      for (const std::uint32_t word : {1'700'000'000 + i / 1000, i % 1000 * 1000, length, length}) u32(word);
      out.insert(out.end(), length, static_cast<std::uint8_t>(i));
    }
    return out;
  }();
  return bytes;
}

class TemporaryFile {
 public:
  TemporaryFile() {
    path_ = (std::filesystem::temp_directory_path() / "tsujiban-bench-XXXXXX").string();
    const int descriptor = mkstemp(path_.data());
    std::FILE* file = descriptor < 0 ? nullptr : fdopen(descriptor, "wb");
    if (file == nullptr ||
        std::fwrite(capture_bytes().data(), 1, capture_bytes().size(), file) != capture_bytes().size()) {
      std::abort();
    }
    std::fclose(file);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void capture_mapped(benchmark::State& state) {
  const TemporaryFile file;
  std::vector<RawPacket> batch(batch_packets);
  std::size_t seen = 0;
  for (auto _ : state) {
    std::string error;
    const auto source = open_capture(std::vector{file.path()}, error);
    if (source == nullptr) {
      state.SkipWithError(error.c_str());
      break;
    }
    for (SourceState at = SourceState::more; at == SourceState::more;) {
      std::size_t count = 0;
      at = source->next(batch, count);
      seen += count;
      benchmark::DoNotOptimize(batch.data());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(seen));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * capture_bytes().size()));
}
BENCHMARK(capture_mapped)->Unit(benchmark::kMillisecond);

void capture_memory(benchmark::State& state) {
  std::vector<RawPacket> batch(batch_packets);
  std::size_t seen = 0;
  for (auto _ : state) {
    const auto reader = FileReader::over_memory(capture_bytes());
    for (ParseState at = ParseState::full; at == ParseState::full;) {
      std::size_t count = 0;
      at = reader->read(batch, count, 1, 0);
      seen += count;
      benchmark::DoNotOptimize(batch.data());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(seen));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * capture_bytes().size()));
}
BENCHMARK(capture_memory)->Unit(benchmark::kMillisecond);

void capture_streamed(benchmark::State& state) {
  std::vector<RawPacket> batch(batch_packets);
  std::size_t seen = 0;
  for (auto _ : state) {
    const auto reader = FileReader::over_stream(make_memory_stream(capture_bytes(), 1u << 20));
    for (ParseState at = ParseState::full; at == ParseState::full;) {
      std::size_t count = 0;
      at = reader->read(batch, count, 1, 0);
      seen += count;
      benchmark::DoNotOptimize(batch.data());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(seen));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * capture_bytes().size()));
}
BENCHMARK(capture_streamed)->Unit(benchmark::kMillisecond);

}  // namespace
