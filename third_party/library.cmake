# librunnel.a: all of our code in one archive.
set(runnel_objects $<TARGET_OBJECTS:runnel_kernels> $<TARGET_OBJECTS:runnel_graph> $<TARGET_OBJECTS:runnel_runtime>)
if(RUNNEL_CONVERTERS)
  list(APPEND runnel_objects $<TARGET_OBJECTS:runnel_converters>)
endif()
add_library(runnel STATIC ${runnel_objects})
add_library(runnel::runnel ALIAS runnel)
target_include_directories(
  runnel INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/kernels/include>
                   $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include> $<INSTALL_INTERFACE:include>)
target_compile_features(runnel INTERFACE cxx_std_20)
# An app finds the packages by the names of their own files, whether they were found here or came along.
target_link_libraries(
  runnel INTERFACE Threads::Threads OpenSSL::Crypto
                   $<BUILD_INTERFACE:runnel_pcre2> $<INSTALL_INTERFACE:PkgConfig::PCRE2>
                   $<BUILD_INTERFACE:runnel_utf8proc> $<INSTALL_INTERFACE:PkgConfig::UTF8PROC>
                   $<BUILD_INTERFACE:runnel_cpuinfo> $<INSTALL_INTERFACE:cpuinfo>)
if(RUNNEL_XNNPACK)
  target_link_libraries(runnel INTERFACE $<BUILD_INTERFACE:${RUNNEL_XNNPACK_LIBRARY}> $<BUILD_INTERFACE:${RUNNEL_PTHREADPOOL_LIBRARY}>
                                         $<INSTALL_INTERFACE:XNNPACK> $<INSTALL_INTERFACE:pthreadpool>)
endif()
