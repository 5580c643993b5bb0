set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(BERTH_TESTS "build tests and benchmarks" ON)
option(BERTH_FUZZ "build the libFuzzer targets" OFF)
set(BERTH_SANITIZE "" CACHE STRING "sanitizers for every target: address, thread")

add_compile_options(-Wall -Wextra -Wpedantic -Werror)
# Paths in debug information and __FILE__ are relative to the tree, so that a clone elsewhere hits the same ccache entries.
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(BERTH_SANITIZE)
  add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BERTH_SANITIZE})
  if(BERTH_SANITIZE STREQUAL "address")
    add_link_options(-fsanitize=undefined)  # for what is compiled with it, see room.cmake
  endif()
endif()

if(BERTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # every target is instrumented, the fuzz targets bring main()
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
