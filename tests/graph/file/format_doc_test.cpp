// docs/format.md and the code say the same of storage types and ops.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "graph/op.h"
#include "kernels/dtype.h"

namespace runnel {
namespace {

std::string format_doc() {
  std::ifstream in(std::string(RUNNEL_SOURCE_DIR) + "/docs/format.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(FormatDoc, ListsEveryStorageType) {
  const std::string doc = format_doc();
  for (const DTypeInfo* type : dtypes()) {
    std::string ggml = type->ggml_name;
    for (char& c : ggml) c = static_cast<char>(std::toupper(c));
    const std::string row = "| " + std::to_string(static_cast<int>(type->dtype)) + " | " + type->name + " | " + ggml +
                            " | " + std::to_string(type->group) + " | " + std::to_string(type->block_bytes) + " | " +
                            std::to_string(type->nr) + " | " + std::to_string(type->kr) + " |";
    EXPECT_NE(doc.find(row), std::string::npos) << row;
  }
}

TEST(FormatDoc, ListsEveryOpWithItsAttributes) {
  const std::string doc = format_doc();
  for (const OpDef* op : ops()) {
    const std::string name = op->name;
    const size_t at = std::min(doc.find("\n| " + name + " |"), doc.find("\n| " + name + ", "));
    const bool listed = at != std::string::npos || doc.find(", " + name + " | ") != std::string::npos;
    EXPECT_TRUE(listed) << name;
    if (at == std::string::npos) continue;
    const std::string row = doc.substr(at + 1, doc.find('\n', at + 1) - at);
    for (const AttrDef& attr : op->attrs) EXPECT_NE(row.find(attr.name), std::string::npos) << name << " " << attr.name;
  }
}

}  // namespace
}  // namespace runnel
