#include "store/encryption/encrypted_store.h"

#include <deque>
#include <mutex>

#include "base/log.h"
#include "base/text.h"

namespace sampan::store {

namespace {

constexpr std::string_view kEncrypted = "k8s:enc:";  // no protobuf and no JSON begins with it

using EncryptionRef = std::shared_ptr<const Encryption>;

// What is encrypted now; changed while others use what was before.
class Current {
 public:
  explicit Current(EncryptionRef encryption) : encryption_(std::move(encryption)) {}
  EncryptionRef get() const {
    std::lock_guard lock(mutex_);
    return encryption_;
  }
  void set(EncryptionRef encryption) {
    std::lock_guard lock(mutex_);
    encryption_.swap(encryption);
  }

 private:
  mutable std::mutex mutex_;
  EncryptionRef encryption_;
};

// What cannot be read stays as it is, for the reader to refuse: one bad value must not hide the others.
std::string opened_or_kept(const Encryption& encryption, std::string_view key, std::string_view value) {
  bool stale = false;
  auto plain = encryption.of(key).open(value, key, stale);
  if (plain) return std::move(*plain);
  LOG_ERROR("failed to decrypt ", key, ": ", plain.error().message());
  return std::string(value);
}

class OpeningSink final : public WatchSink {
 public:
  OpeningSink(std::shared_ptr<WatchSink> inner, std::shared_ptr<const Current> current) : inner_(std::move(inner)), current_(std::move(current)) {}

  void on_changes(std::span<const Change> changes) override {
    auto encryption = current_->get();
    std::vector<Change> opened(changes.begin(), changes.end());
    std::deque<std::string> kept;  // what the views are of
    auto open = [&](std::string_view key, std::string_view& value) {
      if (is_encrypted(value)) value = kept.emplace_back(opened_or_kept(*encryption, key, value));
    };
    for (Change& change : opened) {
      if (change.attachment) continue;  // nobody reads the value
      open(change.key, change.value);
      open(change.key, change.previous_value);
    }
    inner_->on_changes(opened);
  }
  void on_progress(Revision revision) override { inner_->on_progress(revision); }
  void on_end(Error error) override { inner_->on_end(std::move(error)); }

 private:
  const std::shared_ptr<WatchSink> inner_;
  const std::shared_ptr<const Current> current_;
};

class Encrypted final : public EncryptedStore {
 public:
  Encrypted(std::unique_ptr<Store> inner, EncryptionRef encryption)
      : inner_(std::move(inner)), current_(std::make_shared<Current>(std::move(encryption))) {}
  void use(EncryptionRef encryption) override { current_->set(std::move(encryption)); }
  Result<void> check() override { return current_->get()->check(); }

  Result<Written> write(Write write) override {
    auto encryption = current_->get();
    auto key = write.key;
    if (write.value) write.value = TRY(encryption->of(key).seal(*write.value, key));
    auto written = TRY(inner_->write(std::move(write)));
    if (written.previous) open(*encryption, *written.previous);
    return written;
  }
  Result<Range> range(const RangeOptions& options) override {
    auto encryption = current_->get();
    auto range = TRY(inner_->range(options));
    for (Entry& entry : range.entries) open(*encryption, entry);
    return range;
  }
  Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from, std::shared_ptr<WatchSink> sink) override {
    return inner_->watch(std::move(start), std::move(end), from, std::make_shared<OpeningSink>(std::move(sink), current_));
  }
  Result<bool> is_stale(const std::string& key) override {
    auto encryption = current_->get();
    auto range = TRY(inner_->range({.start = key}));
    bool stale = false;
    if (!range.entries.empty()) TRY(encryption->of(key).open(range.entries.front().value, key, stale));
    return stale;
  }
  Result<Revision> current_revision() override { return inner_->current_revision(); }
  Revision delivered_revision() override { return inner_->delivered_revision(); }
  Result<Revision> oldest_revision() override { return inner_->oldest_revision(); }
  Revision oldest_known() override { return inner_->oldest_known(); }
  Result<void> compact(Revision revision) override { return inner_->compact(revision); }
  Result<void> request_progress() override { return inner_->request_progress(); }
  Result<int64_t> size_bytes() override { return inner_->size_bytes(); }
  Result<void> backup(const std::string& path) override { return inner_->backup(path); }

 private:
  static void open(const Encryption& encryption, Entry& entry) {
    if (is_encrypted(entry.value)) entry.value = opened_or_kept(encryption, entry.key, entry.value);
  }

  const std::unique_ptr<Store> inner_;
  const std::shared_ptr<Current> current_;
};

}  // namespace

bool is_encrypted(std::string_view value) { return value.starts_with(kEncrypted); }

Result<std::string> Providers::seal(std::string_view plain, std::string_view key) const {
  const Provider& writer = list_.front();
  if (!writer.cipher) return std::string(plain);
  return concat(writer.family, writer.key_name, TRY(writer.cipher->seal(plain, key)));
}

Result<std::string> Providers::open(std::string_view value, std::string_view key, bool& stale) const {
  std::optional<Error> first;
  std::string_view unknown_key;
  for (const Provider& provider : list_) {
    if (!provider.cipher) {
      if (is_encrypted(value)) continue;
      stale = &provider != &list_.front();
      return std::string(value);
    }
    if (!value.starts_with(provider.family)) continue;
    auto rest = value.substr(provider.family.size());
    if (!rest.starts_with(provider.key_name)) {
      unknown_key = provider.unknown_key;
      continue;
    }
    // Several providers may have keys of one name: another one may fit.
    auto plain = provider.cipher->open(rest.substr(provider.key_name.size()), key, stale);
    if (plain) {
      stale |= &provider != &list_.front();
      return plain;
    }
    if (!first) first = std::move(plain).error();
  }
  if (first) return fail(std::move(*first));
  return fail(internal_error(std::string(unknown_key.empty() ? "no matching prefix found" : unknown_key)));
}

void Encryption::add(std::string prefix, std::shared_ptr<const Providers> providers) {
  by_prefix_.emplace_back(std::move(prefix), std::move(providers));
}

const Providers& Encryption::of(std::string_view key) const {
  static const Providers identity({Provider{}});
  for (const auto& [prefix, providers] : by_prefix_)
    if (key.starts_with(prefix)) return *providers;
  return identity;
}

Result<void> Encryption::check() const {
  for (const auto& check : checks_) TRY(check());
  return {};
}

std::unique_ptr<EncryptedStore> make_encrypted_store(std::unique_ptr<Store> inner, EncryptionRef encryption) {
  return std::make_unique<Encrypted>(std::move(inner), std::move(encryption));
}

}  // namespace sampan::store
