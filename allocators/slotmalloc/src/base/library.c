#include "base/library.h"

struct library library;
