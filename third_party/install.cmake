# cmake --install: librunnel.a, public headers, the command, a CMake package and a pkg-config file. The archive holds our
# code; both package files name what it needs beside it (Debian's XNNPACK, pthreadpool and cpuinfo are shared libraries).
include(CMakePackageConfigHelpers)

install(TARGETS runnel EXPORT runnel_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY kernels/include/runnel runtime/include/runnel DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
if(RUNNEL_TOOLS)
  install(TARGETS runnel_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/runnel)
install(EXPORT runnel_targets NAMESPACE runnel:: FILE runnel-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(third_party/runnel-config.cmake.in ${PROJECT_BINARY_DIR}/runnel-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/runnel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/runnel-config.cmake ${PROJECT_BINARY_DIR}/runnel-config-version.cmake
        DESTINATION ${package_dir})

# The prefix as seen from the file's own place, so that an installed tree may be moved.
file(RELATIVE_PATH RUNNEL_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(RUNNEL_PC_LIBS "-lcpuinfo")
if(RUNNEL_XNNPACK)
  string(PREPEND RUNNEL_PC_LIBS "-lXNNPACK -lpthreadpool ")
endif()
configure_file(third_party/runnel.pc.in ${PROJECT_BINARY_DIR}/runnel.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/runnel.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
