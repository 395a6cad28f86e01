# Compiler, linker and cache settings that every target shares.
find_program(CCACHE ccache)
if(CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# GCC 12 sees array bounds, overlaps and overflows in its own string at -O2 where there are none.
add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -fno-plt -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options(-fpch-preprocess)
endif()
add_link_options(-static-libstdc++ -static-libgcc -no-pie)
# ThreadSanitizer knows what it cannot see into by the name of its shared object (tools/tsan.supp): gRPC has an OpenSSL and a C++ library of its own, beside our archives.
option(SAMPAN_SHARED_GRPC "link gRPC as shared objects; never for what is shipped" OFF)
if(SAMPAN_SHARED_GRPC)
  add_link_options(-Wl,--exclude-libs,ALL)
endif()

set(SAMPAN_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize=")
if(SAMPAN_SANITIZE)
  add_compile_options(-fsanitize=${SAMPAN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SAMPAN_SANITIZE})
endif()
