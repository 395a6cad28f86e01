#include "images/own_images.h"

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/text.h"

// The program stands in our binary as it is.
__asm__(
    ".pushsection .rodata\n"
    ".globl sampan_guest_begin\nsampan_guest_begin:\n"
    ".incbin \"" SAMPAN_GUEST_PROGRAM "\"\n"
    ".globl sampan_guest_end\nsampan_guest_end:\n"
    ".popsection\n");
extern "C" const char sampan_guest_begin[], sampan_guest_end[];

namespace sampan::images {

namespace {

constexpr std::string_view kBusybox = "/bin/busybox";

// The commands that a busybox has, as it says itself.
std::vector<std::string> applets() {
  std::vector<std::string> names;
  FILE* list = popen("/bin/busybox --list", "re");
  if (!list) return names;
  char line[128];
  while (fgets(line, sizeof line, list))
    if (auto name = trim(line); !name.empty() && name != "busybox") names.emplace_back(name);
  if (pclose(list) != 0) names.clear();
  return names;
}

bool is_static(std::string_view program) {
  // A dynamic program names its loader.
  return program.starts_with("\x7f" "ELF") && program.substr(0, 4096).find("/ld-linux") == std::string_view::npos;
}

}  // namespace

std::vector<Image> own_images() {
  std::string program(sampan_guest_begin, sampan_guest_end);
  std::vector<Image> images;
  Image pause;
  pause.names = {std::string(kPauseImage)};
  pause.files = {{"guest", program, 0755}};
  pause.entrypoint = {"/guest", "pause"};
  pause.user = "65535:65535";
  images.push_back(pause);
  for (std::string_view version : {"v1", "v2", "v3"}) {
    Image hello;
    hello.names = {concat("docker.io/library/hello:", version)};
    hello.files = pause.files;
    hello.entrypoint = {"/guest", "hello"};
    hello.command = {std::string(version)};
    hello.ports = {"3000/tcp"};
    images.push_back(std::move(hello));
  }
  return images;
}

std::vector<Image> shell_images() {
  std::ifstream file(std::string(kBusybox), std::ios::binary);
  std::string program(std::istreambuf_iterator<char>(file), {});
  auto names = is_static(program) ? applets() : std::vector<std::string>();
  if (names.empty()) return {};
  Image shell;
  shell.names = {"docker.io/library/busybox:1.35", "docker.io/library/busybox:stable"};
  for (std::string_view folder : {"bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "usr/bin", "var"})
    shell.files.push_back({concat(folder, "/"), "", folder == "tmp" ? 01777u : 0755u, File::Kind::Directory});
  shell.files.push_back({"bin/busybox", std::move(program), 0755});
  for (const auto& name : names) shell.files.push_back({concat("bin/", name), "busybox", 0777, File::Kind::Link});
  shell.files.push_back({"usr/bin/env", "../../bin/busybox", 0777, File::Kind::Link});
  shell.files.push_back({"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"});
  shell.files.push_back({"etc/group", "root:x:0:\nnogroup:x:65534:\n"});
  shell.command = {"sh"};
  shell.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  return {shell};
}

}  // namespace sampan::images
