#include "tests/support/tiny_model_file.h"

#include <stdexcept>

#include "converters/convert.h"

namespace runnel::test {

void convert_tiny(const TinyModel& model, const std::string& weights, const std::string& path) {
  const std::string source = path + ".gguf";
  write_tiny_gguf(source, model);
  ConvertOptions options;
  options.input = source;
  options.output = path;
  options.weights = weights == "f32"  ? WeightsOut::f32
                    : weights == "q8" ? WeightsOut::q8
                    : weights == "q4" ? WeightsOut::q4
                                      : WeightsOut::keep;
  ConvertReport report;
  const Status status = convert(options, &report);
  if (!status.ok()) throw std::runtime_error(status.message());
}

const std::string& tiny_model_path() {
  static const TempFolder folder;
  static const std::string path = [] {
    std::string file = (folder / "tiny.rnl").string();
    convert_tiny({}, "q8", file);
    return file;
  }();
  return path;
}

}  // namespace runnel::test
