/* Usage: embed_device MODEL.rnl DEVICE: where the model runs on "cpu", "vulkan", "vulkan:1" or "auto". */
#include <runnel/runnel.h>
#include <stdio.h>

int main(int argc, char** argv) {
  runnel_model* model = NULL;
  runnel_status status;
  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL.rnl DEVICE\n", argv[0]);
    return 2;
  }

  /* Naming the back end links it. A device that also draws is asked every 4 ms whether to stop. */
  runnel_open_options options = {
      .struct_bytes = sizeof options, .back_end = runnel_vulkan(), .device = argv[2], .submission_ms = 4};
  status = runnel_model_open(argv[1], &options, &model);

  runnel_info info = {.struct_bytes = sizeof info};
  if (status == RUNNEL_OK) status = runnel_model_info(model, &info);
  if (status == RUNNEL_OK)
    printf("on %.*s %.*s\n", (int)info.device.bytes, info.device.data, (int)info.device_note.bytes,
           info.device_note.data);
  for (size_t i = 0; status == RUNNEL_OK && i < runnel_model_placement_count(model); ++i) {
    runnel_placement row = {.struct_bytes = sizeof row};
    status = runnel_model_placement(model, i, &row);
    if (status == RUNNEL_OK && !row.on_device)
      printf("%u on the CPU, %s: %s\n", (unsigned)row.nodes, row.what, row.why);
  }
  if (status != RUNNEL_OK) fprintf(stderr, "%s: %s\n", runnel_status_name(status), runnel_last_message());
  runnel_model_free(model);
  return status == RUNNEL_OK ? 0 : 1;
}
