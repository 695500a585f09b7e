// Of 4 vectors of 16 words from `at`: low nibbles are k 0 .. 15 of a group, high ones 16 more.
uint nibbles_at(Words w, uint at, uint lane, uint j) { return w.at[at + 16 * (j & 3u) + lane] >> (j & 4u) & 0x0f0f0f0fu; }
