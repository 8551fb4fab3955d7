//! Statistics for a noisy machine: quantiles, and ratios of medians with a confidence interval from resampling.
//!
//! Noise comes in spells, so the times of neighbouring calls are correlated. Resampling single calls would give an
//! interval that is too narrow. Therefore blocks of neighbouring calls are resampled, with the same blocks for both
//! contenders (Künsch 1989, the block bootstrap).

use serde::Serialize;

/// The number of resamplings for one interval. This is enough for two digits of its bounds.
const RESAMPLINGS: usize = 1000;
/// A fixed seed, so that the same figures always give the same interval.
const SEED: u64 = 0x5eed;

/// Returns the `p`-quantile (0 to 1) by the nearest rank, or 0 if there are no samples.
pub(super) fn quantile(samples: &[u64], p: f64) -> u64 {
    select(&mut samples.to_vec(), p)
}

/// Returns the median, or 0 if there are no samples.
pub(super) fn median(samples: &[u64]) -> u64 {
    quantile(samples, 0.5)
}

fn select(samples: &mut [u64], p: f64) -> u64 {
    if samples.is_empty() {
        return 0;
    }
    let rank = (p * samples.len() as f64).ceil() as usize;
    let index = rank.clamp(1, samples.len()) - 1;
    *samples.select_nth_unstable(index).1
}

/// A ratio of medians with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The ratio of the medians of all samples.
    pub ratio: f64,
    /// The lower bound of the interval.
    pub low: f64,
    /// The upper bound of the interval.
    pub high: f64,
}

/// Consecutive calls of two contenders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) ours: &'a [u64],
    pub(super) theirs: &'a [u64],
}

/// Cuts two series of pairs into blocks of consecutive pairs. A block has √n pairs of n, but at most 50.
pub(super) fn blocks<'a>(ours: &'a [u64], theirs: &'a [u64]) -> Vec<Block<'a>> {
    let pairs = ours.len().min(theirs.len());
    let length = ((pairs as f64).sqrt().round() as usize).clamp(1, 50);
    ours[..pairs]
        .chunks(length)
        .zip(theirs[..pairs].chunks(length))
        .map(|(ours, theirs)| Block { ours, theirs })
        .collect()
}

/// Returns the median of `ours` divided by the median of `theirs`, or `None` if there is nothing to compare.
pub(super) fn ratio_of_medians(blocks: &[Block<'_>]) -> Option<Ratio> {
    let all: Vec<usize> = (0..blocks.len()).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut ratio_of = |chosen: &[usize]| {
        ours.clear();
        theirs.clear();
        for block in chosen.iter().map(|index| blocks[*index]) {
            ours.extend_from_slice(block.ours);
            theirs.extend_from_slice(block.theirs);
        }
        let theirs = select(&mut theirs, 0.5);
        (theirs > 0).then(|| select(&mut ours, 0.5) as f64 / theirs as f64)
    };
    let ratio = ratio_of(&all)?;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut resampled: Vec<f64> = (0..RESAMPLINGS)
        .filter_map(|_| {
            let chosen: Vec<usize> = all.iter().map(|_| random.usize(..all.len())).collect();
            ratio_of(&chosen)
        })
        .collect();
    resampled.sort_by(f64::total_cmp);
    let at = |p: f64| {
        let index = (p * (resampled.len() as f64 - 1.0)).round() as usize;
        resampled.get(index).copied().unwrap_or(ratio)
    };
    Some(Ratio {
        ratio,
        low: at(0.025),
        high: at(0.975),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_is_the_sample_of_the_nearest_rank() {
        let samples: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(median(&samples), 50);
        assert_eq!(quantile(&samples, 0.99), 99);
        assert_eq!(quantile(&samples, 0.0), 1);
        assert_eq!(quantile(&samples, 1.0), 100);
        assert_eq!((median(&[7]), median(&[])), (7, 0));
    }

    #[test]
    fn constant_ratio_has_an_interval_of_width_zero() {
        let ratio = ratio_of_medians(&blocks(&[20; 100], &[40; 100])).unwrap();
        assert_eq!((ratio.ratio, ratio.low, ratio.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn interval_contains_true_ratio_and_narrows_with_pairs() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut noisy = |count: usize, base: u64| -> Vec<u64> {
            (0..count).map(|_| base + random.u64(..base)).collect()
        };
        let width = |ratio: Ratio| ratio.high - ratio.low;
        let few = (noisy(100, 800), noisy(100, 1000));
        let many = (noisy(5000, 800), noisy(5000, 1000));
        let few = ratio_of_medians(&blocks(&few.0, &few.1)).unwrap();
        let many = ratio_of_medians(&blocks(&many.0, &many.1)).unwrap();
        for ratio in [few, many] {
            assert!(ratio.low < 0.8 && 0.8 < ratio.high, "{ratio:?}");
            assert!(ratio.low <= ratio.ratio && ratio.ratio <= ratio.high);
        }
        assert!(width(many) < width(few) / 2.0);
    }

    #[test]
    fn blocks_keep_all_pairs_in_order() {
        let ours: Vec<u64> = (0..103).collect();
        let theirs: Vec<u64> = (1000..1103).collect();
        let blocks = blocks(&ours, &theirs);
        let kept: Vec<u64> = blocks
            .iter()
            .flat_map(|block| block.ours)
            .copied()
            .collect();
        assert_eq!(kept, ours);
        for block in &blocks {
            assert!(block.ours.len() > 1);
            assert_eq!(block.ours[0] + 1000, block.theirs[0]);
            assert_eq!(block.ours.len(), block.theirs.len());
        }
    }

    #[test]
    fn no_samples_give_no_ratio() {
        assert_eq!(ratio_of_medians(&[]), None);
        assert_eq!(ratio_of_medians(&blocks(&[1], &[0])), None);
    }
}
