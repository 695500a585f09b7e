// A row of quantised activations: 8 words of signed bytes a group, then each group's scale and the sum of its bytes.
// graph/vulkan/dots.cpp has the same. A whole number of 16 bytes, so that words are read by four.
uint quant_numbers(uint groups) { return groups * 8; }
uint quant_row_words(uint groups) { return (groups * 10 + 3u) & ~3u; }
