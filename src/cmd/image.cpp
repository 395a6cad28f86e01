// `sampan image import|ls`: the images of this machine's container runtime.
#include <cstdio>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/progress.h"
#include "kubelet/cri/client.h"
#include "schema/json.h"

namespace sampan::cmd {

namespace {

using schema::Value;

constexpr std::string_view kAbout =
    "sampan image import FILE...   brings in archives made by `docker save` or `ctr images export`\n"
    "sampan image ls               lists what is there";

constexpr Flag kFlags[] = {
    {"Output", "output", Flag::Type::String, "", Flag::Effect::Works, "json, for machines.", 'o'},
};

std::string size_text(uint64_t bytes) {
  if (bytes < 1000) return concat(bytes, " B");
  if (bytes < 1000 * 1000) return concat(bytes / 1000, " kB");
  return concat(bytes / 1'000'000, ".", bytes / 100'000 % 10, " MB");
}

Result<void> list_images(const Machine& machine, bool json) {
  auto runtime = TRY(kubelet::connect_cri({.endpoint = "unix://" + machine.socket()}));
  auto images = TRY(runtime->images());
  if (json) {
    Arena arena;
    Value list = Value::list(arena);
    for (const auto& image : images) {
      Value item = Value::object(arena);
      item.set("id", std::string_view(image.id));
      item.set("size", static_cast<int64_t>(image.size));
      Value tags = Value::list(arena);
      for (const auto& tag : image.tags) tags.push(std::string_view(tag));
      item.set("tags", tags);
      list.push(item);
    }
    std::string text;
    schema::write_json(text, list);
    std::puts(text.c_str());
    return {};
  }
  std::printf("%-50s %10s\n", "IMAGE", "SIZE");
  for (const auto& image : images)
    for (const auto& tag : image.tags) std::printf("%-50s %10s\n", tag.c_str(), size_text(image.size).c_str());
  return {};
}

Result<void> run(const FlagSet& flags, const std::vector<std::string>& words) {
  auto machine = TRY(machine_of(flags));
  TRY(check_access(machine));
  TRY(check_runtime(machine));
  if (words.size() == 1 && words[0] == "ls") return list_images(machine, flags.text("output") == "json");
  if (words.size() < 2 || words[0] != "import") return fail(bad_request("say `sampan image ls` or `sampan image import FILE...`"));
  for (size_t i = 1; i < words.size(); i++) {
    TRY(cluster::import_images(machine.socket(), words[i]));
    std::printf("imported %s\n", words[i].c_str());
  }
  return {};
}

}  // namespace

int run_image(Arguments arguments) {
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  auto [words, rest] = words_and_flags(arguments);
  if (auto code = parse_or_exit(flags, rest, "sampan image", kAbout)) return *code;
  return report(run(flags, words));
}

}  // namespace sampan::cmd
