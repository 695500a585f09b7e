#include "converters/convert.h"
