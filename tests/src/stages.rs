//! What each pass of the optimiser is worth: the cost of a program with the passes added one by one, in their order.

use opt::cost::{Cost, cost};
use opt::{PASSES, Profile};

/// Costs with no pass that can be left out, then with each one more, by its name.
pub fn costs(program: &circuit::Circuit, profile: &Profile) -> Vec<(&'static str, Cost)> {
    let optional: Vec<&'static str> = PASSES.iter().filter(|p| p.optional).map(|p| p.name).collect();
    let with = |many: usize| {
        let done = opt::compile_without(program.clone(), &spec::REP3, profile, &optional[many..]).expect("it compiles");
        cost(&done.gates, &done.schedule, &spec::REP3, profile).expect("it has a price")
    };
    let mut out = vec![("expand alone", with(0))];
    out.extend(optional.iter().enumerate().map(|(k, name)| (*name, with(k + 1))));
    out
}
