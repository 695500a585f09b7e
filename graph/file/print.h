// Text of what a model file holds, for `runnel inspect`: a summary, the tensors, the graph, the graph for Graphviz.
//
// Text from the file is shown with control characters escaped: a file cannot drive the reader's terminal. Each function
// appends to *out, which is not zero-terminated. Status: out_of_memory. Thread rule: any thread.
#pragma once

#include "graph/file/model_file.h"

namespace runnel {

Status print_summary(const ModelFile& file, Array<char>* out) noexcept;
// One line a tensor: name, type, shape, packed layout, offset, bytes, layer of first use, quantisation error.
Status print_tensors(const ModelFile& file, Array<char>* out) noexcept;
// One line a node: outputs = op(inputs) attributes -> shapes.
Status print_graph(const ModelFile& file, Array<char>* out) noexcept;
// A digraph in the DOT language, one cluster a layer.
Status print_dot(const ModelFile& file, Array<char>* out) noexcept;

}  // namespace runnel
