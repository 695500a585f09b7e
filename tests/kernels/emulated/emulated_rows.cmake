# An object library of rows for CPUs that the build machine need not be: see emulated_rows.h.
add_library(runnel_emulated_rows OBJECT ${CMAKE_CURRENT_LIST_DIR}/emulated_rows.cpp)
runnel_flags(runnel_emulated_rows EXCEPTIONS)
find_path(RUNNEL_SIMDE_INCLUDE simde/x86/avx512.h)
if(RUNNEL_SIMDE_INCLUDE AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  get_property(rows GLOBAL PROPERTY RUNNEL_ROW_SOURCES)
  while(rows)
    list(POP_FRONT rows source isa)
    if(isa MATCHES "^avx(512)?vnni$")
      target_sources(runnel_emulated_rows PRIVATE ${source})
    endif()
  endwhile()
  target_compile_options(runnel_emulated_rows PRIVATE -Wno-psabi)  # wide vectors by value, inside these files only
  target_compile_options(runnel_emulated_rows PRIVATE -O1)  # a tall tile takes a minute to optimise further
  if(RUNNEL_SANITIZE MATCHES "undefined")  # the other name of their argument's type is what they are called through
    target_compile_options(runnel_emulated_rows PRIVATE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  endif()
  target_compile_definitions(runnel_emulated_rows PRIVATE RUNNEL_EMULATE runnel=runnel_emulated)
  target_include_directories(runnel_emulated_rows BEFORE PRIVATE ${CMAKE_CURRENT_LIST_DIR})
else()
  message(STATUS "SIMDe is not there: rows that this CPU cannot run will be skipped by the tests")
endif()
target_link_libraries(kernels_tests PRIVATE runnel_emulated_rows)
