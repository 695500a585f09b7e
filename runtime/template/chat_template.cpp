#include "runtime/template/chat_template.h"
