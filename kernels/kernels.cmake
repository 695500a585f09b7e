# One row in a registry file = one source file named after the row, compiled with the flags of its ISA word.
# Rows of other architectures are passed over; a row without its file fails at configure.
set(RUNNEL_ISA_FLAGS_scalar "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  set(RUNNEL_ISA_WORDS scalar neon neon_dotprod neon_i8mm)
  set(RUNNEL_ISA_FLAGS_neon "")
  set(RUNNEL_ISA_FLAGS_neon_dotprod -march=armv8.2-a+dotprod)
  set(RUNNEL_ISA_FLAGS_neon_i8mm -march=armv8.2-a+dotprod+i8mm)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(RUNNEL_ISA_WORDS scalar avx2 avxvnni avx512vnni)
  set(RUNNEL_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
  set(RUNNEL_ISA_FLAGS_avxvnni ${RUNNEL_ISA_FLAGS_avx2} -mavxvnni)
  set(RUNNEL_ISA_FLAGS_avx512vnni ${RUNNEL_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12 warns about its own AVX-512 header (GCC bug 105593)
    list(APPEND RUNNEL_ISA_FLAGS_avx512vnni -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
else()
  set(RUNNEL_ISA_WORDS scalar)
endif()

# runnel_isa_source(target path isa): one source file with an ISA's flags.
function(runnel_isa_source target source isa)
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${RUNNEL_ISA_FLAGS_${isa}}")
endfunction()

# runnel_row_sources(out registry macro folder pattern): the rows of a registry that this architecture builds, as a list
# of `path;isa` pairs. `pattern` is the file name with @0, @1, ... for the row's fields; field 0 is the ISA word.
function(runnel_row_sources out registry macro pattern)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${registry})
  get_filename_component(folder ${registry} DIRECTORY)
  file(STRINGS ${registry} rows REGEX "^${macro}\\(")
  set(result)
  foreach(row IN LISTS rows)
    string(REGEX REPLACE "^${macro}\\(([^)]*)\\).*$" "\\1" row "${row}")
    string(REGEX REPLACE "[ ]*,[ ]*" ";" fields "${row}")
    list(GET fields 0 isa)
    if(NOT isa IN_LIST RUNNEL_ISA_WORDS)
      continue()
    endif()
    set(name ${pattern})
    set(index 0)
    foreach(field IN LISTS fields)
      string(REPLACE "@${index}" "${field}" name "${name}")
      math(EXPR index "${index} + 1")
    endforeach()
    if(NOT EXISTS ${folder}/${name}.cpp)
      message(FATAL_ERROR "${registry}: row ${name} has no file ${folder}/${name}.cpp")
    endif()
    list(APPEND result ${folder}/${name}.cpp ${isa})
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

function(runnel_add_rows target)
  set(rows ${ARGN})
  while(rows)
    list(POP_FRONT rows source isa)
    runnel_isa_source(${target} ${source} ${isa})
  endwhile()
endfunction()

runnel_row_sources(RUNNEL_MATMUL_ROWS ${CMAKE_CURRENT_LIST_DIR}/matmul/matmul.inc MATMUL_KERNEL
                   matmul_@1_@2_@3_@4x@5x@6_@0)
runnel_row_sources(RUNNEL_ATTENTION_ROWS ${CMAKE_CURRENT_LIST_DIR}/attention/attention.inc ATTENTION_KERNEL
                   attention_@0)
runnel_row_sources(RUNNEL_KV_ROWS ${CMAKE_CURRENT_LIST_DIR}/attention/kv.inc KV_KERNEL kv_@1_@0)
runnel_row_sources(RUNNEL_VECTOR_ROWS ${CMAKE_CURRENT_LIST_DIR}/vector/vector.inc VECTOR_OPS vector_@0)
runnel_row_sources(RUNNEL_PEAK_ROWS ${CMAKE_CURRENT_LIST_DIR}/limits/peak.inc PEAK_LOOPS peak_@0)
set(RUNNEL_SHARED_TILES "")  # of several rows of products
if(avx512vnni IN_LIST RUNNEL_ISA_WORDS)
  set(RUNNEL_SHARED_TILES ${CMAKE_CURRENT_LIST_DIR}/matmul/tall_tiles_avx512vnni.cpp avx512vnni)
endif()
set(RUNNEL_ROWS ${RUNNEL_MATMUL_ROWS} ${RUNNEL_SHARED_TILES} ${RUNNEL_ATTENTION_ROWS} ${RUNNEL_KV_ROWS} ${RUNNEL_VECTOR_ROWS})
runnel_add_rows(runnel_kernels ${RUNNEL_ROWS} ${RUNNEL_PEAK_ROWS})
# -O3 unrolls and copies the portable loops of vectors and attention, and those of quantised keys and values, to twice or
# four times their size and compile time, 300 KB of an app, and for nothing; so it does with the rows of vectors. The
# products' rows keep it (2 to 3 times as fast with it, the scalar ones too), and so do attention and unquantised keys and
# values (2 times). The portable storage rows are copied for each number of rows, and small is all they need to be.
foreach(source IN LISTS RUNNEL_ATTENTION_ROWS RUNNEL_VECTOR_ROWS RUNNEL_KV_ROWS)
  if(source MATCHES "/kv_.*_scalar\\.cpp$")
    set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
  elseif(source MATCHES "_scalar\\.cpp$" OR source MATCHES "/(kv_q[0-9]+|vector)_.*\\.cpp$")
    set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>)
  endif()
endforeach()
set_property(GLOBAL PROPERTY RUNNEL_ROW_SOURCES ${RUNNEL_ROWS})  # the tests build some a second time
