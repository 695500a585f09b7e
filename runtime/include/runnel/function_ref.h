// FunctionRef<R(A...)>: a borrowed callable, two pointers; never allocates. The callable must outlive the call it is
// passed to and must not throw.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace runnel {

template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  FunctionRef() noexcept = default;  // empty
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>)
      FunctionRef(F&& callable)
  noexcept
      : context_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* context, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(context))(std::forward<Args>(args)...);
        }) {}

  explicit operator bool() const noexcept { return call_ != nullptr; }
  R operator()(Args... args) const { return call_(context_, std::forward<Args>(args)...); }

 private:
  void* context_ = nullptr;
  R (*call_)(void*, Args...) = nullptr;
};

}  // namespace runnel
