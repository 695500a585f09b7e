// Where a model's nodes run, in C.
#include "runtime/c_api/handles.h"

size_t runnel_model_placement_count(const runnel_model* model) {
  return model == nullptr ? 0 : model->model.placement().size();
}

runnel_status runnel_model_placement(const runnel_model* model, size_t index, runnel_placement* placement) {
  if (model == nullptr || placement == nullptr)
    return runnel::refuse("runnel_model_placement", "a null model or placement");
  const std::span<const runnel::PlacementRow> rows = model->model.placement();
  if (index >= rows.size()) return runnel::refuse("runnel_model_placement", "there is no such kind of node");
  const runnel::PlacementRow& row = rows[index];
  runnel_placement out = {};
  out.nodes = row.nodes;
  out.what = row.what;
  out.why = row.why;
  out.on_device = row.on_device;
  return runnel::write_result("runnel_model_placement", out, placement);
}
