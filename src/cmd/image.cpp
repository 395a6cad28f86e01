// `sampan image import|ls`: the images of this machine's container runtime.
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/progress.h"
#include "kubelet/cri/client.h"
#include "kubelet/cri/import.h"
#include "schema/json.h"

namespace sampan::cmd {

namespace {

using schema::Value;

constexpr std::string_view kAbout =
    "sampan image import FILE...   brings in archives made by `docker save`, `podman save`, `docker buildx --output type=oci` or\n"
    "                              `ctr images export`, as they are or with gzip; - is the standard input\n"
    "sampan image ls               lists what is there";

constexpr Flag kFlags[] = {
    {"Output", "output", Flag::Type::String, "", Flag::Effect::Works, "json, for machines.", 'o'},
    {"Images", "name", Flag::Type::String, "", Flag::Effect::Works, "What an imported archive's only image is to be called. Without it: what the archive says."},
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
  std::map<std::string, uint64_t> sizes;
  size_t width = 50;
  for (const auto& image : images)
    for (const auto& tag : image.tags) sizes[tag] = image.size, width = std::max(width, tag.size());
  std::printf("%-*s %10s\n", static_cast<int>(width), "IMAGE", "SIZE");
  for (const auto& [tag, size] : sizes) std::printf("%-*s %10s\n", static_cast<int>(width), tag.c_str(), size_text(size).c_str());
  return {};
}

// A line that is written over while it goes on, for who sits at a terminal.
class ImportLine {
 public:
  explicit ImportLine(const std::string& file) : file_(file), shown_(isatty(2)) {}
  ~ImportLine() {
    if (was_shown_) std::fprintf(stderr, "\r\033[K");
  }
  void show(const images::ImportProgress& progress) {
    auto now = now_us();
    if (!shown_ || now - last_us_ < 100'000) return;
    last_us_ = now;
    was_shown_ = true;
    std::fprintf(stderr, "\r\033[Kimporting %s: %s of %s, %zu of %zu layers unpacked", file_.c_str(), size_text(progress.bytes).c_str(),
                 size_text(progress.bytes_all).c_str(), progress.layers, progress.layers_all);
    std::fflush(stderr);
  }

 private:
  const std::string& file_;
  const bool shown_;
  bool was_shown_ = false;
  int64_t last_us_ = now_us();  // what is over in a moment shows none
};

Result<images::Imported> import_file(const Machine& machine, const std::string& file, const std::string& name) {
  // What has to be unpacked first takes as much room as the images will: where they will be.
  auto scratch = access(machine.data_dir.c_str(), W_OK) == 0 ? machine.data_dir : std::string("/var/tmp");
  auto archive = TRY(images::open_archive(file, scratch));
  ImportLine line(file);
  images::ImportOptions options{.name = name, .progress = [&](const images::ImportProgress& progress) { line.show(progress); }};
  return kubelet::import_images(machine.socket(), *archive, options);
}

Result<void> import_files(const Machine& machine, std::span<const std::string> files, const std::string& name, bool json) {
  Arena arena;
  Value list = Value::list(arena);
  for (const auto& file : files) {
    auto imported = import_file(machine, file, name);
    if (!imported) return fail(std::move(imported.error()).context(concat("import ", file == "-" ? "the standard input" : file)));
    for (const auto& what : imported->skipped) std::fprintf(stderr, "left out: %s\n", what.c_str());
    for (const auto& image : imported->images) {
      if (!json) std::printf("%s %s\n", image.was_there ? "was there" : "imported ", image.name.c_str());
      Value item = Value::object(arena);
      item.set("name", arena.copy(image.name));
      item.set("digest", arena.copy(image.digest));
      item.set("wasThere", image.was_there);
      list.push(item);
    }
  }
  if (!json) return {};
  std::string text;
  schema::write_json(text, list);
  std::puts(text.c_str());
  return {};
}

Result<void> run(const FlagSet& flags, const std::vector<std::string>& words) {
  auto machine = TRY(machine_of(flags));
  bool json = flags.text("output") == "json";
  if (!json && flags.given("output")) return fail(bad_request(concat("--output is json, not ", quoted(flags.text("output")))));
  bool is_list = words.size() == 1 && words[0] == "ls", is_import = words.size() >= 2 && words[0] == "import";
  if (!is_list && !is_import) return fail(bad_request("say `sampan image ls` or `sampan image import FILE...`"));
  TRY(check_access(machine));
  TRY(check_runtime(machine));
  if (is_list) return list_images(machine, json);
  return import_files(machine, std::span(words).subspan(1), flags.text("name"), json);
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
