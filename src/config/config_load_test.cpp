// Files: what cannot be read, includes, globs, and the example that is shipped.
#include "config/config_test_folder.h"
#include "config/yaml_tree.h"

namespace tsujiban::config {
namespace {

using ConfigLoad = ConfigFolder;

TEST_F(ConfigLoad, a_file_that_cannot_be_read_is_one_clear_line) {
  EXPECT_EQ(faults_of_file("none.yaml"), (Lines{"none.yaml: No such file or directory"}));
  std::filesystem::create_directory(folder_ / "d");
  EXPECT_EQ(faults_of_file("d"), (Lines{"d: this is a folder; a file is accepted"}));
  if (geteuid() != 0) {
    write("secret.yaml", "host: a\n");
    std::filesystem::permissions(folder_ / "secret.yaml", std::filesystem::perms::none);
    EXPECT_EQ(faults_of_file("secret.yaml"), (Lines{"secret.yaml: Permission denied"}));
  }
}

TEST_F(ConfigLoad, a_file_beyond_the_size_limit_is_refused) {
  const std::string file = write("large.yaml", "");
  std::filesystem::resize_file(file, file_bytes_max + 1);
  EXPECT_EQ(faults_of_file("large.yaml"), (Lines{"large.yaml: the file is larger than 64 MiB"}));
}

TEST_F(ConfigLoad, included_files_are_read_and_faults_name_their_file) {
  write("site.yaml", "include: [homes/a.yaml, homes/b.yaml]\nhost: s\nallow:\n  - {from: battery-a, to: any}\n");
  write("homes/a.yaml", "assets:\n  - {name: battery-a, role: device, address: 10.0.0.1, segment: later}\n");
  write("homes/b.yaml", "segments:\n  - {name: later, prefix: 10.0.0.0/8}\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  ASSERT_NE(config_, nullptr);
  EXPECT_EQ(config_->assets[0].segment, 1u);
  EXPECT_EQ(config_->place_of(config_->assets[0].place).file, path("homes/a.yaml"));

  write("homes/b.yaml", "hots: a\nhost: b\nassets:\n  - {name: battery-a, role: device, address: 10.0.0.1}\n");
  const Lines lines = faults_of_file("site.yaml");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0],
            "homes/a.yaml:2:65: segment: there is no segment \"later\"; the names under segments are accepted");
  EXPECT_EQ(lines[1].find("homes/b.yaml:1:1: unknown key \"hots\" in the configuration; did you mean \"host\"?"), 0u);
  EXPECT_EQ(lines[2], "homes/b.yaml:2:7: host: this is said twice; the first is on site.yaml:2");
  EXPECT_EQ(lines[3], "homes/b.yaml:4:12: name: the asset \"battery-a\" is here twice; the first is on homes/a.yaml:2");
}

TEST_F(ConfigLoad, an_include_that_is_wrong_is_told_where_it_is_named) {
  write("site.yaml", "include: [none.yaml, a.yaml, a.yaml]\n");
  write("a.yaml", "include: site.yaml\n");
  EXPECT_EQ(faults_of_file("site.yaml"),
            (Lines{"site.yaml:1:11: include: \"none.yaml\": No such file or directory",
                   "site.yaml:1:30: include: \"a.yaml\" is included twice",
                   "a.yaml:1:10: include: \"site.yaml\" includes itself, directly or by what it includes"}));
}

TEST_F(ConfigLoad, includes_beyond_the_depth_are_refused) {
  for (int i = 0; i < 12; ++i)
    write("f" + std::to_string(i) + ".yaml", "include: f" + std::to_string(i + 1) + ".yaml\n");
  EXPECT_EQ(faults_of_file("f0.yaml"), (Lines{"f8.yaml:1:10: include: files include files more than 8 deep"}));
}

TEST_F(ConfigLoad, signature_globs_are_expanded_once_and_sorted) {
  write("rules/b.rules", "");
  write("rules/a.rules", "");
  write("site.yaml", "signatures: [rules/*.rules, rules/a.rules]\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  EXPECT_EQ(config_->signature_files, (std::vector<std::string>{path("rules/a.rules"), path("rules/b.rules")}));
  write("site.yaml", "signatures: [rules/*.rule]\n");
  EXPECT_EQ(faults_of_file("site.yaml"), (Lines{"site.yaml:1:14: signatures: no file is named by \"rules/*.rule\""}));
}

TEST_F(ConfigLoad, a_relative_output_is_below_the_state_directory) {
  write("site.yaml",
        "state: {directory: /var/lib/x}\noutputs: [{kind: eve, path: eve.json}, {kind: eve, path: \"-\"}, {kind: eve, "
        "path: /tmp/a}]\n");
  EXPECT_EQ(faults_of_file("site.yaml"), Lines{});
  EXPECT_EQ(config_->outputs[0].path, "/var/lib/x/eve.json");
  EXPECT_EQ(config_->outputs[1].path, "-");
  EXPECT_EQ(config_->outputs[2].path, "/tmp/a");
}

TEST_F(ConfigLoad, a_text_in_memory_includes_nothing) {
  EXPECT_EQ(faults_of("include: [a.yaml]\n"),
            (Lines{"site.yaml:1:10: include: a text in memory cannot include files"}));
}

TEST(ConfigExample, the_shipped_example_has_no_fault) {
  std::vector<Fault> faults;
  const auto config = load(TSUJIBAN_SOURCE_DIR "/config/site.example.yaml", faults);
  for (const Fault& fault : faults) ADD_FAILURE() << to_string(fault);
  ASSERT_NE(config, nullptr);
  EXPECT_EQ(config->site_name, "tokyo-aggregation-1");
  EXPECT_EQ(config->timezone, "Asia/Tokyo");
  EXPECT_EQ(config->memory_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(config->segments.size(), 7u);
  EXPECT_EQ(config->assets.size(), 18u);
  EXPECT_EQ(config->allow.size(), 6u);
  EXPECT_EQ(config->outputs[1].types.has(EventType::flow), false);
  const std::string text = describe(*config);
  EXPECT_NE(text.find("assets      18: 1 coordinator, 1 aggregator, 6 ems, 7 device, 2 router, 1 operator\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("capacity    41.5 kW\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace tsujiban::config
