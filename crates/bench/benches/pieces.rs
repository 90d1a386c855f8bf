//! `cargo bench --package chatzz-bench`: nanoseconds of each piece of work.

use chatzz_bench::{pieces, yardstick};
use criterion::{Criterion, criterion_group, criterion_main};

fn all(criterion: &mut Criterion) {
    for mut piece in std::iter::once(yardstick()).chain(pieces()) {
        criterion.bench_function(piece.name, |bencher| bencher.iter(&mut piece.work));
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
