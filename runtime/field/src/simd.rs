//! Compiles a kernel twice, for the baseline and for AVX2, and picks at run time. The kernel's text is one: the compiler
//! vectorises it for either. Knows nothing of what the kernels do.

/// `kernel!(fn name<T: Bound>(args) -> Ret = body_fn)`: a function that calls `body_fn` (which must be `#[inline(always)]`)
/// compiled with AVX2 where the machine has it.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$t:ident : $bound:ident>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? = $body:path) => {
        $(#[$meta])*
        #[allow(unsafe_code)]
        $vis fn $name $(<$t: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,bmi1,bmi2")]
                fn wide $(<$t: $bound>)? ($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
                    // SAFETY: the features that `wide` is compiled with were just detected.
                    return unsafe { wide($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use kernel;
