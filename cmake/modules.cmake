# One folder of src/ is one module: a namespace, a static library and (from its *_test.cpp files) a test program.
#
#   sampan_module(store DEPS base schema LIBS sqlite3)
#
# *_fuzz.cpp files become fuzzers: with libFuzzer where SAMPAN_FUZZ is on (Clang), otherwise they are part of the
# test program, which replays their seeds.
option(SAMPAN_FUZZ "build libFuzzer targets" OFF)

# Archives, not shared objects: the product is one file that needs only the C library.
function(find_archive variable name)
  find_library(${variable} NAMES lib${name}.a REQUIRED)
endfunction()
find_archive(NGHTTP2 nghttp2)
find_archive(YAML yaml)
find_archive(ZLIB z)
find_archive(SSL ssl)
find_archive(CRYPTO crypto)
find_archive(SQLITE sqlite3)

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)

# Precompiled headers: one for the product, one that adds the test framework.
file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cpp "")
add_library(pch OBJECT ${CMAKE_BINARY_DIR}/pch/empty.cpp)
target_precompile_headers(pch PRIVATE ${CMAKE_SOURCE_DIR}/src/base/pch.h)
add_library(pch_test OBJECT ${CMAKE_BINARY_DIR}/pch/empty.cpp)
target_link_libraries(pch_test PRIVATE GTest::gtest)
target_precompile_headers(pch_test PRIVATE ${CMAKE_SOURCE_DIR}/src/base/pch.h <gtest/gtest.h>)

function(sampan_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS;TEST_DEPS;PROGRAMS" ${ARGN})  # PROGRAMS: sources that are not the library's
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  foreach(program ${arg_PROGRAMS})
    list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${program})
  endforeach()
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")

  if(sources)
    add_library(${name} STATIC ${sources})
    target_precompile_headers(${name} REUSE_FROM pch)
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${name} PUBLIC ${arg_DEPS} ${arg_LIBS} Threads::Threads)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${name} INTERFACE ${arg_DEPS} ${arg_LIBS} Threads::Threads)
  endif()

  if(tests)
    add_executable(${name}_test EXCLUDE_FROM_ALL ${tests})
    target_precompile_headers(${name}_test REUSE_FROM pch_test)
    target_link_libraries(${name}_test PRIVATE ${name} ${arg_TEST_DEPS} GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/tsan.supp")
    set_property(GLOBAL APPEND PROPERTY sampan_tests ${name}_test)
  endif()

  if(SAMPAN_FUZZ)
    foreach(source ${fuzzers})
      get_filename_component(fuzzer ${source} NAME_WE)
      add_executable(${fuzzer} EXCLUDE_FROM_ALL ${source})
      target_link_libraries(${fuzzer} PRIVATE ${name} ${arg_TEST_DEPS})
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
      set_property(GLOBAL APPEND PROPERTY sampan_fuzzers ${fuzzer})
    endforeach()
  endif()
endfunction()
