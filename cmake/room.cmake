# A room is one static library. Its contract headers, include/berth/<name>/, are seen only by targets that link it: each
# room has an include root of its own in the build tree, which holds a link to that one folder.
#
#   berth_room(queue SOURCES a.cpp b.cpp DEPENDS arvados config LIBRARIES other::lib PRIVATE_LIBRARIES third::lib)
# UBSan costs several times the build time of coroutines, so it goes with ASan on the rooms of values and decisions alone.
set(PURE_ROOMS model config scheduler)
# … and on single files of other rooms that decide or compute and hold no coroutine: arithmetic on values from outside.
set(PURE_SOURCES
  base/bytes.cpp base/decimal.cpp base/duration.cpp base/json_text.cpp base/time.cpp
  pool/commands.cpp pool/quota.cpp pool/run_probe.cpp pool/tags.cpp pool/worker.cpp
  queue/choose_types.cpp queue/merge.cpp
  sim/cost_bound.cpp sim/csv.cpp sim/figures.cpp sim/finish_workload.cpp sim/generate.cpp sim/generator_spec.cpp
  sim/json_lines.cpp sim/svg_plot.cpp sim/swf.cpp sim/time_series.cpp sim/workload_row.cpp)
foreach(source ${PURE_SOURCES})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/${source})
    message(FATAL_ERROR "PURE_SOURCES names src/${source}, which is not there")
  endif()
endforeach()

function(berth_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${root}/berth)
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/include/berth/${name} ${root}/berth/${name} SYMBOLIC)
  if(NOT ROOM_SOURCES)
    file(WRITE ${CMAKE_BINARY_DIR}/empty_${name}.cpp "")
    set(ROOM_SOURCES ${CMAKE_BINARY_DIR}/empty_${name}.cpp)
  endif()
  add_library(berth_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(berth_${name} PUBLIC ${root})
  list(TRANSFORM ROOM_DEPENDS PREPEND berth_)
  if(BERTH_SANITIZE STREQUAL "address" AND name IN_LIST PURE_ROOMS)
    target_compile_options(berth_${name} PRIVATE -fsanitize=undefined)
  elseif(BERTH_SANITIZE STREQUAL "address")
    set(pure_sources ${PURE_SOURCES})
    list(FILTER pure_sources INCLUDE REGEX "^${name}/")
    list(TRANSFORM pure_sources PREPEND ${CMAKE_SOURCE_DIR}/src/)
    set_source_files_properties(${pure_sources} PROPERTIES COMPILE_OPTIONS -fsanitize=undefined)
  endif()
  target_link_libraries(berth_${name} PUBLIC ${ROOM_DEPENDS} ${ROOM_LIBRARIES} PRIVATE ${ROOM_PRIVATE_LIBRARIES})
endfunction()

# Unit tests of a room: tests/unit/<name>/*.cpp become one program, test_<name>, which may include the room's private headers.
function(berth_room_tests name)
  cmake_parse_arguments(TESTS "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src/${name} ${CMAKE_SOURCE_DIR}/tests/support)
  target_compile_definitions(test_${name} PRIVATE BERTH_TEST_DATA="tests/data")
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(test_${name} PRIVATE -O0)  # what is tested is optimised; optimising the tests only costs time
  endif()
  list(TRANSFORM TESTS_DEPENDS PREPEND berth_)
  target_link_libraries(test_${name} PRIVATE berth_${name} ${TESTS_DEPENDS} ${TESTS_LIBRARIES} GTest::gtest_main)
  include(GoogleTest)
  # Tests run at the top of the tree and name their data relative to it: the same objects serve a clone elsewhere.
  gtest_discover_tests(test_${name} TEST_PREFIX ${name}: DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES LABELS ${name} TIMEOUT 120)
endfunction()
