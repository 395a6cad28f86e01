# gRPC as Debian ships it. Its list of archives is closed under itself, in circles too, so it is one group; of OpenSSL, zlib
# and c-ares the archives are named, because pkg-config would give the shared ones.
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRPC REQUIRED grpc++)
if(SAMPAN_SHARED_GRPC)
  set(grpc_archives protobuf-lite ${GRPC_LIBRARIES})
  list(REMOVE_ITEM grpc_archives ssl crypto z)
else()
  find_library(PROTOBUF NAMES libprotobuf-lite.a REQUIRED)
  set(grpc_archives ${PROTOBUF})
  foreach(library ${GRPC_STATIC_LIBRARIES})
    find_library(archive_${library} NAMES lib${library}.a)
    if(archive_${library} AND NOT library MATCHES "^(dl|rt|pthread|m|atomic)$")
      list(APPEND grpc_archives ${archive_${library}})
    endif()
  endforeach()
endif()
list(REMOVE_DUPLICATES grpc_archives)
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# The messages and calls of .proto files (named from src/) as a library.
#
#   sampan_grpc(store_messages store/etcd.proto)
function(sampan_grpc name)
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${CMAKE_BINARY_DIR}/generated/${proto})
    get_filename_component(folder ${stem} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(
      OUTPUT ${stem}.pb.cc ${stem}.grpc.pb.cc ${stem}.pb.h ${stem}.grpc.pb.h
      COMMAND ${PROTOC} --proto_path=${CMAKE_SOURCE_DIR}/src --cpp_out=${CMAKE_BINARY_DIR}/generated
              --grpc_out=${CMAKE_BINARY_DIR}/generated --plugin=protoc-gen-grpc=${GRPC_PLUGIN} ${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/src/${proto} VERBATIM)
    list(APPEND sources ${stem}.pb.cc ${stem}.grpc.pb.cc ${stem}.pb.h)
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_compile_definitions(${name} PUBLIC GRPC_USE_PROTO_LITE)
  target_link_libraries(${name} PUBLIC -Wl,--start-group ${grpc_archives} -Wl,--end-group rt dl)
endfunction()
