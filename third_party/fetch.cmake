# Where a system lacks a dependency, its pinned upstream release is fetched at configure time, built as a static library
# and installed with ours, under the names by which the package files ask for it.
#
# A folder with the sources, instead of a download: -DFETCHCONTENT_SOURCE_DIR_<NAME>=FOLDER (names: README.md).
option(RUNNEL_FETCH "Fetch dependencies that this system lacks, at pinned tags" ON)
include(FetchContent)
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # their options take what is set before

# runnel_fetch(name repository tag [SUBDIR folder]): its targets are there afterwards, and ${name}_SOURCE_DIR. SUBDIR is
# the folder of its CMakeLists.txt; NONE for headers that need no build of their own.
macro(runnel_fetch name repository tag)
  cmake_parse_arguments(fetch "" "SUBDIR" "" ${ARGN})
  if(NOT RUNNEL_FETCH)
    message(FATAL_ERROR "${name} is missing: setup.sh installs it on Debian 12 (third_party/README.md), and "
                        "-DRUNNEL_FETCH=ON fetches it from upstream")
  endif()
  message(STATUS "${name} is not on this system: ${tag} from ${repository}")
  set(fetch_subdir)
  if(fetch_SUBDIR)
    set(fetch_subdir SOURCE_SUBDIR ${fetch_SUBDIR})
  endif()
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${tag} ${fetch_subdir})
  set(BUILD_SHARED_LIBS OFF)
  set(BUILD_TESTING OFF)
  FetchContent_MakeAvailable(${name})
  unset(BUILD_SHARED_LIBS)
  unset(BUILD_TESTING)
endmacro()

# runnel_fetch_headers(target name repository tag folder): an interface library of headers alone.
macro(runnel_fetch_headers target name repository tag folder)
  runnel_fetch(${name} ${repository} ${tag} SUBDIR NONE)
  add_library(${target} INTERFACE IMPORTED)
  target_include_directories(${target} SYSTEM INTERFACE ${${name}_SOURCE_DIR}/${folder})
endmacro()
