# This machine with Clang and its standard library: apt install clang libc++-dev libc++abi-dev
set(CMAKE_CXX_COMPILER clang++)
set(CMAKE_CXX_FLAGS_INIT -stdlib=libc++)
