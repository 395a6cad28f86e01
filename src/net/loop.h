// The event loop of one I/O thread: readiness of descriptors, tasks from other threads, coarse timers, and work that is put
// off to the end of the turn so that many answers leave in one system call.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace sampan::net {

// What an I/O thread is asked to look after.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  virtual void on_wake() = 0;
};

// Where other threads leave work for an I/O thread. It outlives the thread: what is left afterwards is dropped.
class Mailbox {
 public:
  virtual ~Mailbox() = default;
  virtual bool on_own_thread() const = 0;
  virtual void post(std::function<void()> task) = 0;
  // As post(), without an allocation: an event wakes a thousand streams at once.
  virtual void wake(std::shared_ptr<Wakeable> wakeable) = 0;
};

class Loop;

// What a loop drives. All calls come on the loop's thread.
class LoopClient {
 public:
  virtual ~LoopClient() = default;
  virtual void on_ready(uint32_t events) { (void)events; }  // epoll's events
  virtual void on_turn_end() {}                             // after Loop::at_turn_end
  virtual void on_timer() {}                                // after Loop::arm

 private:
  friend class Loop;
  bool at_turn_end_ = false, later_ = false;
  int64_t timer_due_us_ = 0;  // 0: not armed
};

class Loop final : public Mailbox {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // until stop(); then end() on the same thread
  void end();   // drops what is left, and what comes later
  void stop();  // from any thread
  bool on_own_thread() const override;
  void post(std::function<void()> task) override;
  void wake(std::shared_ptr<Wakeable> wakeable) override;

  // The rest is for the loop's own thread.
  int64_t now_us() const { return now_us_; }  // monotonic, as of this turn
  void watch(int fd, uint32_t events, LoopClient* client);
  void rewatch(int fd, uint32_t events, LoopClient* client);
  void unwatch(int fd);
  void at_turn_end(LoopClient* client);
  // on_turn_end() after those who have little to do, and one at a time: in between the loop looks whether somebody has come.
  void later(LoopClient* client);
  bool others_wait(const LoopClient* client);  // somebody but this one has come since the turn began
  void arm(LoopClient* client, int64_t due_us);  // replaces its timer; fires a little late, together with others
  void disarm(LoopClient* client);
  bool armed_before(const LoopClient* client, int64_t due_us) const;
  // Destroys the client at the end of the turn: events of this turn may still name it.
  void bury(std::unique_ptr<LoopClient> client);

  // Buffers for bytes on their way, shared by all connections of the loop: an idle one needs none of its own.
  std::string& scratch() { return scratch_; }  // plain
  std::string& burst() { return burst_; }      // encrypted
  char* read_buffer() { return read_buffer_.get(); }
  static constexpr size_t kReadBytes = 64 * 1024;

 private:
  int wait_ms();
  template <class Work>
  void hand_over(std::vector<Work>& queue, Work work);
  void run_tasks();
  void run_timers();
  void end_turn();

  const int epoll_, wake_;
  int64_t now_us_ = 0;
  std::set<std::pair<int64_t, LoopClient*>> timers_;
  std::vector<LoopClient*> turn_end_;
  std::deque<LoopClient*> late_;
  std::vector<std::unique_ptr<LoopClient>> buried_;
  std::string scratch_, burst_;
  std::unique_ptr<char[]> read_buffer_;

  std::vector<std::shared_ptr<Wakeable>> waking_;  // own thread; kept for its room

  std::mutex mutex_;  // guards the four below
  std::vector<std::function<void()>> tasks_;
  std::vector<std::shared_ptr<Wakeable>> woken_;
  bool signalled_ = false;  // a wake is on its way, or the thread will look by itself
  bool ended_ = false;
  bool stopping_ = false;  // own thread
};

}  // namespace sampan::net
