# WebAssembly without threads, run by node: apt install emscripten
set(CMAKE_CXX_FLAGS_INIT "-fexceptions")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fexceptions -sALLOW_MEMORY_GROWTH=1 -sEXIT_RUNTIME=1 -sNODERAWFS=1")
include(/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake)
