#include "images/import.h"

#include "base/text.h"
#include "images/plan.h"
#include "images/tasks.h"

namespace sampan::images {

namespace {

constexpr unsigned kThreads = 4;  // writing waits for the disk, unpacking for containerd

class Import {
 public:
  Import(Containerd& containerd, const Bytes& archive, const ImportOptions& options, Plan plan)
      : containerd_(containerd), archive_(archive), options_(options), plan_(std::move(plan)) {}

  Result<Imported> run();

 private:
  enum class State : uint8_t { Missing, Unlabelled, There };

  Result<void> look();
  Result<void> bring();
  Result<void> write(const Blob& blob);
  Result<void> unpack(const Layer& layer);
  void label_snapshot(const PlannedImage& image, const std::string& top);
  void tell(const std::function<void(ImportProgress&)>& change);

  Containerd& containerd_;
  const Bytes& archive_;
  const ImportOptions& options_;
  Plan plan_;
  std::map<std::string, State> states_;       // of blobs
  std::map<std::string, Layer> missing_;      // layers to unpack, by chain
  std::set<std::string> snapshots_there_;
  Imported imported_;
  std::mutex progress_mutex_;
  ImportProgress progress_;
};

void Import::tell(const std::function<void(ImportProgress&)>& change) {
  std::lock_guard lock(progress_mutex_);
  change(progress_);
  if (options_.progress) options_.progress(progress_);
}

// What keeps an image's files belongs to its config, as containerd's own client has it.
void Import::label_snapshot(const PlannedImage& image, const std::string& top) {
  if (!top.empty()) plan_.blobs.at(image.config).labels.emplace(concat("containerd.io/gc.ref.snapshot.", kSnapshotter), top);
}

// Finds out what is there. Nothing is changed.
Result<void> Import::look() {
  std::map<std::string, bool> snapshots;
  std::vector<std::string> tops;
  for (const auto& image : plan_.images) {
    std::string chain;
    for (size_t i = 0; i < image.layers.size(); i++) {
      Layer layer{plan_.blobs.at(image.layers[i]).descriptor, chain, image.diff_ids[i], chain_id(chain, image.diff_ids[i])};
      chain = layer.chain_id;
      if (!snapshots.contains(chain)) snapshots[chain] = TRY(containerd_.has_snapshot(chain));
      if (snapshots[chain])
        snapshots_there_.insert(chain);
      else
        missing_.emplace(chain, std::move(layer));
    }
    tops.push_back(chain);
    label_snapshot(image, chain);
  }
  for (auto& [digest, blob] : plan_.blobs) {
    auto labels = TRY(containerd_.content_labels(digest));
    bool is_labelled = labels && std::ranges::all_of(blob.labels, [&](const auto& label) {
      auto found = labels->find(label.first);
      return found != labels->end() && found->second == label.second;
    });
    states_[digest] = !labels ? State::Missing : is_labelled ? State::There : State::Unlabelled;
    if (!labels && !blob.in_archive) return fail(bad_request(concat("it has no file ", blob.file, ", a layer, and the container runtime has no such layer either")));
    if (!labels) progress_.bytes_all += static_cast<uint64_t>(blob.descriptor.size);
  }
  for (size_t i = 0; i < plan_.images.size(); i++) {
    const auto& image = plan_.images[i];
    bool is_there = (tops[i].empty() || snapshots[tops[i]]) && std::ranges::all_of(image.blobs, [&](const auto& digest) { return states_[digest] == State::There; });
    for (const auto& name : image.names)
      imported_.images.push_back({name, image.target.digest, is_there && TRY(containerd_.image_target(name)) == image.target.digest});
  }
  progress_.layers_all = missing_.size();
  return {};
}

Result<void> Import::write(const Blob& blob) {
  const auto& digest = blob.descriptor.digest;
  auto state = states_.at(digest);
  if (state != State::Missing) {
    TRY(containerd_.lease("content", digest));
    return state == State::There ? Result<void>() : containerd_.label_content(digest, blob.labels);
  }
  auto wrote = [&](uint64_t bytes) { tell([&](ImportProgress& progress) { progress.bytes += bytes; }); };
  MemoryBytes document(blob.document);
  const Bytes& from = blob.is_document ? static_cast<const Bytes&>(document) : archive_;
  auto written = containerd_.write_content(blob.descriptor, blob.labels, from, blob.offset, wrote);
  if (!written) return fail(std::move(written.error()).context(concat("its file ", blob.file)));
  return {};
}

Result<void> Import::unpack(const Layer& layer) {
  TRY(containerd_.unpack(layer));
  // Tells others that the layer's content is known to be this.
  TRY(containerd_.label_content(layer.blob.digest, {{"containerd.io/uncompressed", layer.diff_id}}));
  tell([](ImportProgress& progress) { progress.layers++; });
  return {};
}

Result<void> Import::bring() {
  for (const auto& chain : snapshots_there_) TRY(containerd_.lease(concat("snapshots/", kSnapshotter), chain));
  Tasks tasks;
  std::map<std::string, size_t> writes, unpacks;
  std::set<std::string> configs;  // they name snapshots, which must be there before
  for (const auto& image : plan_.images) configs.insert(image.config);
  for (const auto& [digest, blob] : plan_.blobs)
    if (!configs.contains(digest)) writes[digest] = tasks.add([this, &blob = blob] { return write(blob); });
  for (const auto& image : plan_.images) {
    std::string chain;
    for (const auto& diff_id : image.diff_ids) {
      chain = chain_id(chain, diff_id);
      auto layer = missing_.find(chain);
      if (layer == missing_.end() || unpacks.contains(chain)) continue;
      std::vector<size_t> after = {writes.at(layer->second.blob.digest)};
      if (auto below = unpacks.find(layer->second.parent); below != unpacks.end()) after.push_back(below->second);
      unpacks[chain] = tasks.add([this, &one = layer->second] { return unpack(one); }, std::move(after));
    }
    if (!configs.erase(image.config)) continue;
    std::vector<size_t> after;
    if (auto top = unpacks.find(chain); top != unpacks.end()) after.push_back(top->second);
    tasks.add([this, &blob = plan_.blobs.at(image.config)] { return write(blob); }, std::move(after));
  }
  TRY(tasks.run(kThreads));
  for (const auto& image : plan_.images)
    for (const auto& name : image.names) TRY(containerd_.put_image(name, image.target));
  return {};
}

Result<Imported> Import::run() {
  TRY(look());
  imported_.skipped = plan_.skipped;
  if (std::ranges::all_of(imported_.images, &ImportedImage::was_there)) return std::move(imported_);
  TRY(containerd_.begin_lease());
  auto brought = bring();
  auto ended = containerd_.end_lease(!brought);
  TRY(std::move(brought));
  (void)ended;  // it ends by itself, a day later
  imported_.bytes_written = progress_.bytes;
  imported_.layers_unpacked = progress_.layers;
  return std::move(imported_);
}

}  // namespace

Result<Imported> import_archive(Containerd& containerd, const Bytes& archive, const ImportOptions& options) {
  return Import(containerd, archive, options, TRY(plan_import(archive, options.name))).run();
}

}  // namespace sampan::images
