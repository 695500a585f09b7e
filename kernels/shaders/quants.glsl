// A row of quantised activations: 8 words of signed bytes a group, then each group's scale and the sums of its first and its
// last 16 bytes. graph/vulkan/dots.cpp has the same. A whole number of 16 bytes, so that words are read by four.
uint quant_numbers(uint groups) { return groups * 8; }
uint quant_row_words(uint groups) { return (groups * 10 + 3u) & ~3u; }
uint quant_sums_word(ivec2 sums) { return uint(sums.x & 0xffff | sums.y << 16); }
ivec2 quant_sums(uint word) { return ivec2(int(word << 16), int(word)) >> 16; }
