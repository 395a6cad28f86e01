#include "registry/core/image_name.h"

#include <gtest/gtest.h>

namespace sampan::registry {

TEST(ImageName, Tag) {
  struct {
    std::string_view image, want;
  } cases[] = {
      {"nginx", "latest"},
      {"nginx:1.27", "1.27"},
      {"registry.example.com:5000/a/b", "latest"},
      {"registry.example.com:5000/a/b:v1", "v1"},
      {"localhost/a", "latest"},
      {"a/b_c/d__e/f---g", "latest"},
      {"nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""},
      {"nginx:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "1"},
      {"nginx@sha256:short", ""},
      {"Nginx", ""},
      {" nginx", ""},
      {"", ""},
      {"nginx:", ""},
      {"nginx:-x", ""},
      {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""},
  };
  for (auto& c : cases) EXPECT_EQ(image_tag(c.image), c.want) << c.image;
}

}  // namespace sampan::registry
