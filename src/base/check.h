#pragma once
#include <cstdio>
#include <cstdlib>

// A rule of ours that holds whatever a packet says. Broken: the program stops, because going on would be guessing.
#define TSUJIBAN_CHECK(condition)                                                                          \
  do {                                                                                                     \
    if (!(condition)) [[unlikely]] {                                                                       \
      std::fprintf(stderr, "%s:%d: a promise of our own is broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                        \
    }                                                                                                      \
  } while (false)
