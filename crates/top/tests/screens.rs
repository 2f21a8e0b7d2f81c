//! Whole screens, as they are seen.
mod support;
use support::*;
use top::*;

#[test]
fn look() {
    for size in [(80, 24), (120, 40), (40, 12)] {
        for status in [well(), ill()] {
            let mut seat = Seat::at(PLAIN, size, status);
            seat.write(lines());
            println!("{:?}\n{}", size, seat.screen());
        }
    }
    let mut seat = Seat::at(Look { color: false, unicode: false }, (100, 30), ill());
    seat.write(lines());
    seat.press("r");
    println!("{}", seat.screen());
    seat.press("n?");
    println!("{}", seat.screen());
    seat.press("qll");
    println!("{}", seat.screen());
}
