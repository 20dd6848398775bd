// Runs a fuzz entry without libFuzzer: every file of the corpus folders given, then a fixed number of seeded mutations
// of them. The same entry, the same bytes each time, so that a GCC build tests what clang fuzzes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;
constexpr unsigned mutations_per_input = 400;
constexpr std::size_t input_bytes_max = 1 << 16;

void run(const Input& input) {
  // A copy of exact size on the heap, so that the address sanitizer sees a read one byte beyond the end.
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Input mutated(const Input& input, std::mt19937_64& random) {
  Input out = input;
  const unsigned edits = 1 + static_cast<unsigned>(random() % 8);
  for (unsigned i = 0; i < edits; ++i) {
    const std::size_t at = out.empty() ? 0 : random() % out.size();
    switch (random() % 6) {
      case 0:
        if (!out.empty()) out[at] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        if (!out.empty()) out[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
        break;
      case 2:
        out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
        break;
      case 3:
        if (!out.empty()) out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 4:
        if (!out.empty()) out.resize(at);
        break;
      default:
        if (!out.empty()) out[at] = random() % 2 ? 0xff : 0x00;
        break;
    }
  }
  if (out.size() > input_bytes_max) out.resize(input_bytes_max);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> inputs;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      std::fprintf(stderr, "%s: no such folder: a fuzz target needs a corpus beside it\n", argv[i]);
      return 1;
    }
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      std::ifstream file(path, std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "the corpus is empty: a fuzz target needs at least one input\n");
    return 1;
  }
  std::mt19937_64 random(20261121);
  std::size_t runs = 1;
  run({});
  for (const Input& input : inputs) {
    run(input);
    for (unsigned i = 0; i < mutations_per_input; ++i) run(mutated(input, random));
    runs += 1 + mutations_per_input;
  }
  std::printf("%zu inputs of the corpus, %zu runs\n", inputs.size(), runs);
  return 0;
}
