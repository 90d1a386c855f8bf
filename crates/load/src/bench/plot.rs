//! The plots of the page, as SVG.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use super::page::thousands;
use super::results::{Key, Medians, Part, Results, Who};

/// A plot that was written.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) part: Part,
    pub(super) title: &'static str,
    /// Its name beside the page.
    pub(super) file: &'static str,
}

/// What a plot shows.
struct Wanted {
    plot: Plot,
    x: &'static str,
    y: &'static str,
    value: fn(&Medians) -> f64,
}

/// Lines of points, by name.
type Lines = BTreeMap<String, Vec<(f64, f64)>>;

const SIZE: (u32, u32) = (760, 420);
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(255, 127, 14),
    RGBColor(127, 127, 127),
    RGBColor(44, 160, 44),
];

fn wanted() -> Vec<Wanted> {
    let plot = |part, title, file| Plot { part, title, file };
    let in_flight = "messages in flight";
    vec![
        Wanted {
            plot: plot(
                Part::Send,
                "Throughput against load",
                "performance-throughput.svg",
            ),
            x: in_flight,
            y: "messages a second",
            value: |medians| medians.per_second,
        },
        Wanted {
            plot: plot(
                Part::Send,
                "Latency against load, p50",
                "performance-p50.svg",
            ),
            x: in_flight,
            y: "milliseconds",
            value: |medians| medians.p50,
        },
        Wanted {
            plot: plot(
                Part::Send,
                "Latency against load, p99",
                "performance-p99.svg",
            ),
            x: in_flight,
            y: "milliseconds",
            value: |medians| medians.p99,
        },
        Wanted {
            plot: plot(
                Part::Growth,
                "Cost against stored messages, p50",
                "performance-growth.svg",
            ),
            x: "stored messages",
            y: "milliseconds",
            value: |medians| medians.p50,
        },
        Wanted {
            plot: plot(
                Part::Contacts,
                "Cost against contacts, p50",
                "performance-contacts.svg",
            ),
            x: "contacts",
            y: "milliseconds",
            value: |medians| medians.p50,
        },
        Wanted {
            plot: plot(
                Part::Connections,
                "Memory against connections",
                "performance-memory.svg",
            ),
            x: "logged-in sockets",
            y: "KiB each",
            value: |medians| {
                medians
                    .figures
                    .get("heldKibEach")
                    .copied()
                    .unwrap_or_default()
            },
        },
    ]
}

/// Writes every plot that has something to show.
pub(super) fn all(results: &Results, out: &Path) -> anyhow::Result<Vec<Plot>> {
    let mut plots = Vec::new();
    for wanted in wanted() {
        let mut lines = Lines::new();
        for (key, medians) in results.part(wanted.plot.part) {
            let value = (wanted.value)(&medians);
            if value > 0.0 {
                let point = (f64::from(key.x), value);
                lines.entry(name(key)).or_default().push(point);
            }
        }
        if lines.is_empty() {
            continue;
        }
        let svg = draw(&wanted, &lines)?;
        std::fs::write(out.join(wanted.plot.file), svg)?;
        plots.push(wanted.plot);
    }
    Ok(plots)
}

/// Lines are of one server, or of one kind of work where there is one server only.
fn name(key: &Key) -> String {
    match (key.part, key.who) {
        (Part::Growth | Part::Contacts, _) => key.what.clone(),
        (_, Who::Raw) if key.what.contains("insert_one") => "insert_one".to_owned(),
        (_, who) => who.name().to_owned(),
    }
}

fn draw(wanted: &Wanted, lines: &Lines) -> anyhow::Result<String> {
    let mut svg = String::new();
    paint(&mut svg, wanted, lines).map_err(|error| anyhow!("plotting: {error}"))?;
    Ok(svg)
}

fn paint(
    svg: &mut String,
    wanted: &Wanted,
    lines: &Lines,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.values().flatten();
    let (left, right) = bounds(points().map(|(x, _)| *x));
    let (low, high) = bounds(points().map(|(_, y)| *y));
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(wanted.plot.title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(wanted.x)
        .y_desc(wanted.y)
        .x_label_formatter(&|value| label(*value))
        .y_label_formatter(&|value| label(*value))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
        chart
            .draw_series(line)?
            .label(name.as_str())
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .position(SeriesLabelPosition::UpperLeft)
        .draw()?;
    area.present()?;
    Ok(())
}

/// What the axis must hold, and some room around it; an axis is logarithmic.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::MAX, f64::MIN);
    for value in values {
        low = low.min(value);
        high = high.max(value);
    }
    (low * 0.7, high * 1.5)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "labels of 10 and more are whole numbers far below 2^32"
)]
fn label(value: f64) -> String {
    if value >= 10.0 {
        thousands(value.round() as u32)
    } else {
        format!("{value:.2}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_holds_its_title_and_every_line() {
        let lines = Lines::from([
            ("chatzz".to_owned(), vec![(1.0, 1_000.0), (400.0, 30_000.0)]),
            ("other".to_owned(), vec![(1.0, 500.0)]),
        ]);
        for wanted in wanted() {
            let svg = draw(&wanted, &lines).unwrap();
            for text in [wanted.plot.title, wanted.x, wanted.y, "chatzz", "other"] {
                assert!(svg.contains(text), "{text} is not in {}", wanted.plot.file);
            }
        }
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.1, 2.5, 1.0, 10.0, 25_000.0].map(label);
        assert_eq!(labels, ["0.1", "2.5", "1", "10", "25,000"]);
    }
}
