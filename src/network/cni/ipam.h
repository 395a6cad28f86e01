// Addresses of this node's pods: one empty-looking file an address, in the layout of the well-known host-local plug-in (the file's name is the
// address, its content "containerID\r\nifname"), under one lock. Addresses are given out in turn, so that one that was just freed
// rests as long as possible.
#pragma once
#include "network/cni/config.h"

namespace sampan::network::cni {

class AddressFiles {
 public:
  // Takes the lock of the network; it is held as long as this lives.
  static Result<AddressFiles> open(const std::string& state_directory, const std::string& network);
  AddressFiles(AddressFiles&& other) noexcept;
  AddressFiles& operator=(AddressFiles&&) = delete;
  ~AddressFiles();

  Result<Address> reserve(const Network& range, const Attachment& owner);
  std::vector<Address> of(const Attachment& owner) const;
  Result<void> release(const Attachment& owner);
  std::vector<Attachment> owners() const;

  // What else is to be remembered of an attachment, each in a file of its own: its ports, and the path of its network namespace.
  enum class Note : uint8_t { Ports, Namespace };
  Result<void> keep_note(const Attachment& owner, Note kind, std::string_view text);
  std::string note(const Attachment& owner, Note kind) const;
  void drop_notes(const Attachment& owner);
  std::vector<std::string> namespaces() const;  // of all attachments

 private:
  AddressFiles(std::string directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  std::string note_path(const Attachment& owner, Note kind) const;
  std::string directory_;
  int lock_;
};

Address gateway_of(const Network& range);  // its first address

}  // namespace sampan::network::cni
