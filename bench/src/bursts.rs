//! Calls in a row, of one contender and of another in alternation: where the two cannot be called one call each.

use host_test::command_line::Failure;

/// So many bursts of each; in half of the pairs the one begins, in half the other, in a random order.
pub(super) async fn alternate<Ours, Theirs>(
    bursts: usize,
    mut ours: impl AsyncFnMut() -> Result<Ours, Failure>,
    mut theirs: impl AsyncFnMut() -> Result<Theirs, Failure>,
) -> Result<Vec<(Ours, Theirs)>, Failure> {
    let mut ours_begins: Vec<bool> = (0..bursts).map(|pair| pair % 2 == 0).collect();
    fastrand::shuffle(&mut ours_begins);
    let mut pairs = Vec::with_capacity(bursts);
    for ours_begins in ours_begins {
        pairs.push(if ours_begins {
            let first = ours().await?;
            (first, theirs().await?)
        } else {
            let first = theirs().await?;
            (ours().await?, first)
        });
    }
    Ok(pairs)
}
