// Snapshots hold KV pages as they lie in memory: what their bytes mean must not change unnoticed.
#include "graph/cpu/kv_layout.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "graph/file/sha256.h"
#include "kernels/attention/kv_kernel.h"

namespace runnel {
namespace {

// SHA-256 of a page of two slots with numbers in all its places, stored by the kernels.
std::string page_digest(KvType type) {
  StateSlot slots[2] = {};
  slots[0].kv_heads = 2;
  slots[0].head_dim = 48;
  slots[1].kv_heads = 1;
  slots[1].head_dim = 80;
  KvSlotLayout places[2];
  KvLayout layout;
  layout.slots = places;
  layout.groups.page_shift = 5;
  layout.types = type;
  EXPECT_TRUE(lay_out_kv(slots, &layout));
  std::vector<uint8_t> page(layout.groups.groups[0].page_bytes);
  uint8_t* pages[] = {page.data()};
  const KvKernel& kernel = *choose_kv(type, Isa::scalar);
  for (int s = 0; s < 2; ++s) {
    const KvView view = {pages, layout.groups.page_shift, places[s].keys, places[s].values};
    for (uint32_t token = 0; token < 32; ++token) {
      std::vector<float> x(slots[s].kv_heads * slots[s].head_dim);
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((token * 131 + i * 7 + 1) % 257) / 64 - 2;
      store_keys(kernel, view, token, x.data(), slots[s].kv_heads, slots[s].head_dim);
      for (float& value : x) value = 1 - value;
      store_values(kernel, view, token, x.data(), slots[s].kv_heads, slots[s].head_dim);
    }
  }
  Digest digest;
  EXPECT_TRUE(sha256(page, &digest));
  return hex(digest).text;
}

// When this fails, pages of older snapshots would be read as something else: raise kKvLayoutVersion and note the new
// digests. A new KvType only adds a line.
TEST(KvLayout, PagesMeanWhatTheVersionSays) {
  EXPECT_EQ(kKvLayoutVersion, 1u);
  EXPECT_EQ(page_digest(KvType::f16), "1875f27db9ec49782267fe3d917d3ab2113e61dbd8f4433ce8752e2be26c5007");
  EXPECT_EQ(page_digest(KvType::f32), "80615ac892e467be9adafff72df15a6049d25c52bd64b7503cdb35319796d5b7");
  EXPECT_EQ(page_digest(KvType::q8), "0ff4d7e5e68950f9a1391d1d87e645b864e70aab2997dd4b0d32d75f433d12b2");
  EXPECT_EQ(page_digest(KvType::q4), "366b348f98e38de368c25ef4351c841d3089dbaaec7fcd02fa99f17215f4636f");
}

}  // namespace
}  // namespace runnel
