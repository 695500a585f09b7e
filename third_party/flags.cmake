# Compile flags of our own code, by folder rule: runnel_flags(target [EXCEPTIONS]).
function(runnel_flags target)
  cmake_parse_arguments(arg "EXCEPTIONS" "" "" ${ARGN})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/kernels/include
                                               ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_BINARY_DIR}/generated)
  target_compile_options(
    ${target}
    PRIVATE -Wall -Wextra $<$<BOOL:${RUNNEL_WERROR}>:-Werror>
            # One float result everywhere: no contraction the source does not ask for.
            -ffp-contract=off)
  if(NOT arg_EXCEPTIONS)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  endif()
endfunction()
if(RUNNEL_SANITIZE)
  add_compile_options(-fsanitize=${RUNNEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RUNNEL_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # GCC 12's flow warnings misread the code that sanitizers add
    add_compile_options(-Wno-stringop-overflow -Wno-maybe-uninitialized)
  elseif(RUNNEL_SANITIZE MATCHES "undefined")  # asks for type information that the folders without RTTI do not have
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

if(RUNNEL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# All that is generated, for tools that read the sources without building them.
add_custom_target(generated_headers)

# runnel_flatbuffer(target schema.fbs): generates <build>/generated/<folder>/<name>_generated.h for the target.
function(runnel_flatbuffer target schema)
  get_filename_component(name ${schema} NAME_WE)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  get_filename_component(sub ${schema} DIRECTORY)
  set(out_dir ${PROJECT_BINARY_DIR}/generated/${folder}/${sub})
  set(out ${out_dir}/${name}_generated.h)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${RUNNEL_FLATC} --cpp --scoped-enums --gen-name-strings -o ${out_dir} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${schema} ${RUNNEL_FLATC_TARGET}
    COMMENT "flatc ${schema}")
  target_sources(${target} PRIVATE ${out})
  add_custom_target(${name}_header DEPENDS ${out})
  add_dependencies(generated_headers ${name}_header)
  target_link_libraries(${target} PRIVATE runnel_flatbuffers)
endfunction()

# runnel_shaders(target shaders.inc): each row SHADER(name) is kernels/shaders/<name>.comp, compiled to SPIR-V as the array
# shader_<name> in <build>/generated/kernels/shaders/<name>.h; small, where the compiler was built with its optimiser.
function(runnel_shaders target registry)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${registry})
  get_filename_component(folder ${registry} DIRECTORY)
  set(out_dir ${PROJECT_BINARY_DIR}/generated/kernels/shaders)
  file(MAKE_DIRECTORY ${out_dir})
  file(STRINGS ${registry} rows REGEX "^SHADER\\(")
  file(GLOB includes CONFIGURE_DEPENDS ${folder}/*.glsl)
  set(size_flags -Os -g0)
  execute_process(COMMAND ${RUNNEL_GLSLANG} --quiet -V ${size_flags} --target-env vulkan1.2 -I${folder} -o ${out_dir}/probe.spv ${folder}/scale.comp
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    set(size_flags -g0)
  endif()
  set(headers)
  set(list "// The embedded shaders, by row. Generated.\n")
  foreach(row IN LISTS rows)
    string(REGEX REPLACE "^SHADER\\(([a-z0-9_]+).*$" "\\1" name "${row}")
    if(NOT EXISTS ${folder}/${name}.comp)
      message(FATAL_ERROR "${registry}: row ${name} has no file ${folder}/${name}.comp")
    endif()
    add_custom_command(
      OUTPUT ${out_dir}/${name}.h
      COMMAND ${RUNNEL_GLSLANG} --quiet -V ${size_flags} --target-env vulkan1.2 -I${folder} --vn shader_${name} -o ${out_dir}/${name}.h ${folder}/${name}.comp
      DEPENDS ${folder}/${name}.comp ${includes}
      COMMENT "glslang ${name}")
    list(APPEND headers ${out_dir}/${name}.h)
    string(APPEND list "#include \"${name}.h\"\n")
  endforeach()
  file(GENERATE OUTPUT ${out_dir}/all_shaders.h CONTENT "${list}")
  target_sources(${target} PRIVATE ${headers})
  add_custom_target(shader_headers DEPENDS ${headers})
  add_dependencies(generated_headers shader_headers)
endfunction()
