print("RoomBenchmarks")
