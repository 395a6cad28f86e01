// A plug-in in this process, on a socket of its own.
#include "store/encryption/kms.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/text.h"
#include "store/encryption/encrypted_store.h"
#include "store/encryption/kms.grpc.pb.h"
#include "store/testing.h"

namespace sampan::store {
namespace {

class FakePlugin final : public v2::KeyManagementService::Service {
 public:
  grpc::Status Status(grpc::ServerContext*, const v2::StatusRequest*, v2::StatusResponse* answer) override {
    std::lock_guard lock(mutex);
    answer->set_version("v2");
    answer->set_healthz(health);
    answer->set_key_id(key_id);
    return grpc::Status::OK;
  }
  grpc::Status Encrypt(grpc::ServerContext*, const v2::EncryptRequest* request, v2::EncryptResponse* answer) override {
    std::lock_guard lock(mutex);
    encrypted++;
    answer->set_ciphertext(concat("by ", key_id, ":", turned(request->plaintext())));
    answer->set_key_id(key_id);
    (*answer->mutable_annotations())["example.com/note"] = "x";
    return grpc::Status::OK;
  }
  grpc::Status Decrypt(grpc::ServerContext*, const v2::DecryptRequest* request, v2::DecryptResponse* answer) override {
    std::lock_guard lock(mutex);
    decrypted++;
    auto head = concat("by ", request->key_id(), ":");
    if (!request->ciphertext().starts_with(head) || request->annotations().count("example.com/note") != 1)
      return {grpc::StatusCode::INVALID_ARGUMENT, "not mine"};
    answer->set_plaintext(turned(request->ciphertext().substr(head.size())));
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::string health = "ok", key_id = "1";
  int encrypted = 0, decrypted = 0;

 private:
  static std::string turned(std::string text) {
    for (char& c : text) c = static_cast<char>(c ^ 0x5a);
    return text;
  }
};

class KmsTest : public ::testing::Test {
 protected:
  KmsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + options.socket, grpc::InsecureServerCredentials());
    builder.RegisterService(&plugin);
    server = builder.BuildAndStart();
  }
  ~KmsTest() override { server->Shutdown(); }
  void set(std::string key_id, std::string health = "ok") {
    std::lock_guard lock(plugin.mutex);
    plugin.key_id = std::move(key_id);
    plugin.health = std::move(health);
  }
  // Until the plug-in has been asked anew.
  static bool becomes(Kms& kms, bool well) {
    for (int i = 0; i < 2000; i++) {
      if (kms.check().has_value() == well) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  TemporaryDirectory directory;
  KmsOptions options{.name = "test", .socket = directory.path() + "/kms.sock", .timeout_us = 2'000'000, .well_kept_us = 1, .ill_kept_us = 1};
  FakePlugin plugin;
  std::unique_ptr<grpc::Server> server;
};

TEST_F(KmsTest, ValuesAreKeptUnderTheSeed) {
  auto kms = open_kms(options);
  ASSERT_TRUE(kms->check().has_value());
  auto first = kms->seal("text", "/registry/secrets/a"), second = kms->seal("text", "/registry/secrets/a");
  ASSERT_TRUE(first.has_value());
  EXPECT_NE(*first, *second);
  EXPECT_EQ(plugin.encrypted, 1);  // not once a value
  bool stale = false;
  EXPECT_EQ(*kms->open(*first, "/registry/secrets/a", stale), "text");
  EXPECT_FALSE(stale);
  EXPECT_EQ(plugin.decrypted, 0);  // the seed is our own
  EXPECT_FALSE(kms->open(*first, "/registry/secrets/b", stale).has_value());
  EXPECT_FALSE(kms->open("nonsense", "/registry/secrets/a", stale).has_value());
  // Another server has another seed, and asks for this one.
  auto other = open_kms(options);
  EXPECT_EQ(*other->open(*first, "/registry/secrets/a", stale), "text");
  EXPECT_EQ(*other->open(*second, "/registry/secrets/a", stale), "text");
  EXPECT_FALSE(stale);
  EXPECT_EQ(plugin.decrypted, 1);
}

TEST_F(KmsTest, ANewKeyOfThePluginIsTakenUp) {
  auto kms = open_kms(options);
  auto old = kms->seal("text", "k");
  set("2");
  bool stale = false;
  for (int i = 0; i < 2000 && !stale; i++) {
    (void)kms->check();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ASSERT_EQ(*kms->open(*old, "k", stale), "text");
  }
  EXPECT_TRUE(stale);
  stale = false;
  EXPECT_EQ(*kms->open(*kms->seal("text", "k"), "k", stale), "text");
  EXPECT_FALSE(stale);
}

TEST_F(KmsTest, TellsOfAnIllPlugin) {
  auto kms = open_kms(options);
  set("1", "tired");
  ASSERT_TRUE(becomes(*kms, false));
  EXPECT_EQ(kms->check().error().message(),
            "Internal error occurred: kmsv2 Provider test is not healthy, error: got unexpected healthz status: tired");
  EXPECT_TRUE(kms->seal("text", "k").has_value());  // the key is good for a while
  set("1");
  EXPECT_TRUE(becomes(*kms, true));
}

TEST_F(KmsTest, WithoutAPluginNothingIsWritten) {
  options.socket = directory.path() + "/none.sock";
  options.timeout_us = 1000;
  auto kms = open_kms(options);
  EXPECT_FALSE(kms->check().has_value());
  EXPECT_FALSE(kms->seal("text", "k").has_value());
}

}  // namespace
}  // namespace sampan::store
