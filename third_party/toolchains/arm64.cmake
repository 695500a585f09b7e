# Cross build for arm64 on an amd64 Debian: the cross compiler, the packages that tools/arm64_sysroot.sh unpacked, and
# qemu-user to run what was built. RUNNEL_QEMU_CPU (environment, at build and test time) names the CPU; default max.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

get_filename_component(runnel_root ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
set(RUNNEL_SYSROOT ${runnel_root}/build/sysroot-arm64 CACHE PATH "Unpacked arm64 packages")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES RUNNEL_SYSROOT)

# The compiler keeps its own C library; the sysroot adds headers and libraries beside it.
set(CMAKE_FIND_ROOT_PATH ${RUNNEL_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_FLAGS_INIT "-isystem ${RUNNEL_SYSROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_CXX_FLAGS_INIT "-isystem ${RUNNEL_SYSROOT}/usr/include/aarch64-linux-gnu")
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-L${RUNNEL_SYSROOT}/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,${RUNNEL_SYSROOT}/usr/lib/aarch64-linux-gnu")
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${RUNNEL_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${RUNNEL_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${RUNNEL_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR ${runnel_root}/tools/run_arm64.sh)
