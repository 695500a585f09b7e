// The runnel command.
#include "tools/runnel/command.h"

int main(int argc, char** argv) { return runnel::tools::run_command(argc, argv); }
