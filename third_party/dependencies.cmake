# Every dependency is found here and nowhere else; README.md beside this file says why each is used.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# FlatBuffers: headers and flatc.
find_path(RUNNEL_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED)
find_program(RUNNEL_FLATC flatc REQUIRED)
add_library(runnel_flatbuffers INTERFACE)
target_include_directories(runnel_flatbuffers SYSTEM INTERFACE ${RUNNEL_FLATBUFFERS_INCLUDE})

pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)  # Unicode normal forms that tokenizers ask for
find_path(RUNNEL_CPUINFO_INCLUDE cpuinfo.h REQUIRED)
find_library(RUNNEL_CPUINFO_LIBRARY cpuinfo REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)

if(RUNNEL_XNNPACK)
  find_path(RUNNEL_XNNPACK_INCLUDE xnnpack.h REQUIRED)
  find_library(RUNNEL_XNNPACK_LIBRARY XNNPACK REQUIRED)
  find_library(RUNNEL_PTHREADPOOL_LIBRARY pthreadpool REQUIRED)
endif()

if(RUNNEL_CONVERTERS OR RUNNEL_TOOLS OR RUNNEL_TESTS)
  find_package(nlohmann_json REQUIRED)
endif()
if(RUNNEL_CONVERTERS)
  find_package(Eigen3 REQUIRED NO_MODULE)
endif()
if(RUNNEL_TOOLS)
  find_package(CLI11 REQUIRED)
endif()
if(RUNNEL_TESTS)
  find_package(GTest REQUIRED)
  find_package(Eigen3 REQUIRED NO_MODULE)
endif()
if(RUNNEL_BENCH)
  find_package(benchmark REQUIRED)
endif()
